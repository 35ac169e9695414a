// The first story: an agent asks, a person decides, it runs once, and the record shows both sides.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { APPROVAL_META, call, connect, hashOf, held, statusOf, textOf } from "../lib/agent.mjs";
import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";

const INVOICE = { customer: "Ada & Söhne", amount_cents: 4200, currency: "EUR", note: "for the engine ⚙" };
const SAME_INVOICE = { note: INVOICE.note, currency: "EUR", amount_cents: 4200, customer: INVOICE.customer };

describe("the TypeScript client", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  it("sees the tools it may use, and those that help it to wait", async () => {
    const { tools } = await agent.listTools();
    const byName = new Map(tools.map((tool) => [tool.name, tool]));
    assert.deepEqual([...byName.keys()].sort(), ["approval_status", "list_invoices", "run_approved", "send_invoice"]);
    const send = byName.get("send_invoice");
    assert.equal(send.outputSchema, undefined, "a strict client would refuse the answer of a held call");
    assert.deepEqual([...send.inputSchema.required].sort(), ["amount_cents", "currency", "customer"]);
    assert.equal(byName.get("approval_status").annotations.readOnlyHint, true);
    assert.equal(byName.get("approval_status").annotations.idempotentHint, true);
  });

  it("gets the answer of an allowed tool at once", async () => {
    const result = await call(agent, "list_invoices");
    assert.ok(!result.isError, textOf(result));
    assert.deepEqual(result.structuredContent, { invoices: [] });
    assert.equal(result._meta?.[APPROVAL_META], undefined);
  });

  it("asks, waits for a person, and gets the upstream's answer exactly once", async () => {
    const first = held(await call(agent, "send_invoice", INVOICE));
    assert.equal(first.tool, "send_invoice");
    assert.equal(first.arguments_sha256, hashOf(INVOICE));
    assert.equal(await gateway.invoicesSent(), 0, "nothing runs before a person decided");

    const joined = held(await call(agent, "send_invoice", SAME_INVOICE));
    assert.equal(joined.approval_id, first.approval_id, "the same arguments in another order are the same request");

    const seen = await admin.approval(first.approval_id);
    assert.equal(seen.status, "pending");
    assert.equal(seen.tool, "send_invoice");
    assert.deepEqual(seen.arguments, INVOICE, "the approver sees what would run");
    assert.equal(seen.arguments_sha256, first.arguments_sha256);
    await admin.approve(first.approval_id);
    assert.equal((await admin.approval(first.approval_id)).status, "approved");
    assert.equal(await gateway.invoicesSent(), 0, "an approval waits for the agent");

    const answer = await call(agent, "send_invoice", SAME_INVOICE);
    assert.ok(!answer.isError, textOf(answer));
    assert.equal(answer.structuredContent.customer, INVOICE.customer);
    assert.equal(answer._meta?.[APPROVAL_META]?.replayed, undefined, "this is the run itself");
    assert.equal(await gateway.invoicesSent(), 1);
    const { invoices } = await gateway.ledger();
    assert.equal(invoices.length, 1);
    for (const [field, value] of Object.entries(INVOICE)) assert.equal(invoices[0][field], value);

    const again = await call(agent, "send_invoice", INVOICE);
    assert.ok(!again.isError, textOf(again));
    assert.equal(again._meta[APPROVAL_META].replayed, true);
    assert.deepEqual(again.content.slice(0, -1), answer.content, "the stored result, and one block that says so");
    assert.match(again.content.at(-1).text, /\d{4}-\d\d-\d\dT\d\d:\d\d/, "and when a new run is possible");
    assert.deepEqual(again.structuredContent, answer.structuredContent);
    assert.equal(await gateway.invoicesSent(), 1, "a replay is not a run");

    const status = await statusOf(agent, first.approval_id);
    assert.equal(status.status, "executed");
    assert.equal(status.executed, true);
    assert.equal(status.next_action, "use_result");

    await theRecordShowsBothSides(first.approval_id);
  });

  it("opens another approval for other arguments", async () => {
    const known = (await admin.approvals()).length;
    const sent = await gateway.invoicesSent();
    const other = held(await call(agent, "send_invoice", { ...INVOICE, amount_cents: 4201 }));
    const approvals = await admin.approvals();
    assert.equal(approvals.length, known + 1);
    assert.equal(approvals[0].id, other.approval_id, "newest first");
    assert.equal(await gateway.invoicesSent(), sent);
  });

  async function theRecordShowsBothSides(approval) {
    const records = await admin.auditOf(approval);
    const calls = records.filter(({ action, tool }) => action === "tools/call" && tool === "send_invoice");
    assert.deepEqual(
      calls.map((record) => record.status),
      ["held", "held", "ok", "replayed"],
    );
    for (const record of calls) {
      assert.equal(record.approval_id, approval);
      assert.match(record.request, /Ada & Söhne/);
      assert.ok(!record.request.includes(gateway.agentKey), "credentials are never recorded");
    }
    assert.match(calls[0].response, /NOT EXECUTED/);
    assert.match(calls[2].response, /Ada & Söhne/);
    assert.doesNotMatch(calls[2].response, /NOT EXECUTED/);

    const { history } = await admin.approval(approval);
    assert.deepEqual(
      history.map((event) => event.to).filter((state, i, all) => state !== all[i - 1]),
      ["pending", "approved", "executing", "executed"],
    );
  }
});
