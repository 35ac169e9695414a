"""An agent asks, a person decides, it runs once: over REST and at the command line."""

import hashlib
import json
import unittest

from agent import APPROVAL_META, AgentCase, connect, text_of

INVOICE = {"customer": "Ada & Söhne", "amount_cents": 4200, "currency": "EUR", "note": "for the engine ⚙"}
SAME_INVOICE = dict(reversed(INVOICE.items()))


def hash_of(flat: dict) -> str:
    """The hash an approval is bound to, worked out without the gateway (RFC 8785 for flat objects)."""
    canonical = json.dumps(flat, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


class ThePythonClient(AgentCase):
    async def test_sees_the_tools_it_may_use_and_those_that_help_it_to_wait(self) -> None:
        async with connect(self.gateway.mcp_url, self.gateway.agent_key) as session:
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            self.assertEqual(set(tools), {"approval_status", "list_invoices", "run_approved", "send_invoice"})
            self.assertIsNone(tools["send_invoice"].outputSchema)
            self.assertTrue(tools["approval_status"].annotations.readOnlyHint)
            self.ran(await session.call_tool("list_invoices", {}))

    async def test_asks_waits_for_a_person_and_runs_exactly_once(self) -> None:
        gateway = self.gateway
        before = gateway.invoices_sent()
        async with connect(gateway.mcp_url, gateway.agent_key) as session:
            first = self.held(await session.call_tool("send_invoice", INVOICE))
            self.assertEqual(first["arguments_sha256"], hash_of(INVOICE))
            self.assertEqual(gateway.invoices_sent(), before)
            approval = first["approval_id"]
            seen = gateway.acme("GET", f"/approvals/{approval}")
            self.assertEqual((seen["status"], seen["arguments"]), ("pending", INVOICE))
            gateway.approve(approval)
            self.assertEqual(gateway.invoices_sent(), before, "an approval waits for the agent")

        # The agent was restarted meanwhile: the approval belongs to its key, not to a connection.
        async with connect(gateway.mcp_url, gateway.agent_key) as session:
            answer = self.ran(await session.call_tool("send_invoice", SAME_INVOICE))
            self.assertEqual(answer.structuredContent["customer"], INVOICE["customer"])
            self.assertEqual(gateway.invoices_sent(), before + 1)

            again = self.ran(await session.call_tool("send_invoice", INVOICE))
            self.assertIs(again.meta[APPROVAL_META]["replayed"], True)
            self.assertEqual(again.content[:-1], answer.content)
            self.assertRegex(again.content[-1].text, r"\d{4}-\d\d-\d\dT\d\d:\d\d", "when a new run is possible")
            self.assertEqual(gateway.invoices_sent(), before + 1, "a replay is not a run")
            await self.expect_status(session, approval, status="executed", executed=True, next_action="use_result")
        self.the_record_shows_both_sides(approval)

    def the_record_shows_both_sides(self, approval: str) -> None:
        items = self.gateway.acme("GET", f"/audit?approval={approval}&limit=200")["items"]
        records = [self.gateway.acme("GET", f"/audit/{item['id']}") for item in reversed(items)]
        calls = [r for r in records if (r["action"], r["tool"]) == ("tools/call", "send_invoice")]
        self.assertEqual([call["status"] for call in calls], ["held", "ok", "replayed"])
        for call in calls:
            self.assertIn("Ada & S", call["request"])
            self.assertNotIn(self.gateway.agent_key, call["request"])
        self.assertIn("NOT EXECUTED", calls[0]["response"])
        self.assertIn("Ada & S", calls[1]["response"])

    async def test_is_approved_at_the_command_line_and_uses_run_approved(self) -> None:
        gateway = self.gateway
        before = gateway.invoices_sent()
        async with connect(gateway.mcp_url, gateway.agent_key) as session:
            order = {"customer": "Guido", "amount_cents": 1, "currency": "NLG"}
            approval = self.held(await session.call_tool("send_invoice", order))["approval_id"]
            self.assertIn(approval, gateway.cli("approvals", "list"))
            self.assertIn("Guido", gateway.cli("approvals", "show", approval))
            self.assertEqual(gateway.invoices_sent(), before)
            gateway.cli("approvals", "approve", "--yes", approval)
            await self.expect_status(session, approval, status="approved", next_action="run_approved")
            answer = self.ran(await session.call_tool("run_approved", {"approval_id": approval}))
            self.assertIn("Guido", text_of(answer))
            self.assertEqual(gateway.invoices_sent(), before + 1)


if __name__ == "__main__":
    unittest.main()
