"""What an agent and a stranger are told when the answer is no."""

import unittest

from agent import AgentCase, connect
from gateway import Refused, request

INVOICE = {"customer": "Grace", "amount_cents": 100, "currency": "EUR"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "stranger", "version": "1"},
    },
}


class ThePythonClientRefused(AgentCase):
    async def test_reads_a_rejection_word_for_word_and_again_when_it_asks_again(self) -> None:
        reason = 'Not this quarter: "Grace" is on hold — ask Zoë first.\nThen 100 %.'
        async with connect(self.gateway.mcp_url, self.gateway.agent_key) as session:
            approval = self.held(await session.call_tool("send_invoice", INVOICE))["approval_id"]
            await self.expect_status(session, approval, status="pending", next_action="call_approval_status")
            self.gateway.reject(approval, reason)
            await self.expect_status(
                session, approval, status="rejected", executed=False, reason=reason, next_action="revise_and_resubmit"
            )
            self.assertIn(reason, self.refused(await session.call_tool("send_invoice", INVOICE)))
            self.assertIn(reason, self.refused(await session.call_tool("run_approved", {"approval_id": approval})))
        self.assertEqual(self.gateway.invoices_sent(), 0)

    async def test_cannot_call_a_blocked_tool_and_is_told_which_rule_says_so(self) -> None:
        async with connect(self.gateway.mcp_url, self.gateway.agent_key) as session:
            self.assertIn("toolkit default: blocked", self.refused(await session.call_tool("delete_ledger", {})))

    async def test_is_told_which_argument_is_wrong_before_anybody_is_asked(self) -> None:
        async with connect(self.gateway.mcp_url, self.gateway.agent_key) as session:
            known = len(self.gateway.acme("GET", "/approvals?limit=200")["items"])
            wrong = await session.call_tool("send_invoice", {**INVOICE, "amount_cents": "a lot"})
            self.assertIn("amount_cents", self.refused(wrong))
            self.assertEqual(len(self.gateway.acme("GET", "/approvals?limit=200")["items"]), known)

    async def test_cannot_decide_because_only_people_do(self) -> None:
        async with connect(self.gateway.mcp_url, self.gateway.agent_key) as session:
            mine = {**INVOICE, "note": "mine"}
            approval = self.held(await session.call_tool("send_invoice", mine))["approval_id"]
        url = f"{self.gateway.url}/api/v1/orgs/acme/approvals/{approval}/approve"
        with self.assertRaises(Refused) as caught:
            request("POST", url, self.gateway.agent_key, self.gateway.seen(approval))
        self.assertEqual(caught.exception.status, 403)
        self.assertIn("person_required", caught.exception.body)

    async def test_gets_401_without_a_key_and_404_for_an_unknown_toolkit(self) -> None:
        accept = "application/json, text/event-stream"
        with self.assertRaises(Refused) as caught:
            request("POST", self.gateway.mcp_url, None, INITIALIZE, Accept=accept)
        self.assertEqual(caught.exception.status, 401)
        self.assertTrue(caught.exception.headers["WWW-Authenticate"].startswith("Bearer"))
        unknown = self.gateway.toolkit("no-such-toolkit")
        with self.assertRaises(Refused) as caught:
            request("POST", unknown, self.gateway.agent_key, INITIALIZE, Accept=accept)
        self.assertEqual(caught.exception.status, 404)
        for url, key in [(self.gateway.mcp_url, "nonsense"), (unknown, self.gateway.agent_key)]:
            with self.subTest(url=url), self.assertRaises(BaseException):
                async with connect(url, key):
                    self.fail("the client believes that it is connected")


if __name__ == "__main__":
    unittest.main()
