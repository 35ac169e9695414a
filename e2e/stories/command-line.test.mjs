// The same story with the approver at a terminal, and the agent using run_approved.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { call, connect, held, refused, statusOf, textOf } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";

const INVOICE = { customer: "Linus", amount_cents: 999, currency: "CHF" };

describe("the TypeScript client and an approver at the command line", () => {
  let gateway, agent;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  it("asks, is listed, shown and approved, and runs once", async () => {
    const { approval_id } = held(await call(agent, "send_invoice", INVOICE));

    const listed = await succeeds("approvals", "list");
    assert.match(listed, new RegExp(approval_id));
    assert.match(listed, /send_invoice/);

    const shown = await succeeds("approvals", "show", approval_id);
    for (const value of ["Linus", "999", "CHF", "send_invoice"]) assert.ok(shown.includes(value), shown);
    assert.equal(await gateway.invoicesSent(), 0, "looking decides nothing");

    await succeeds("approvals", "approve", "--yes", approval_id);
    assert.equal((await statusOf(agent, approval_id)).status, "approved");

    const answer = await call(agent, "run_approved", { approval_id });
    assert.ok(!answer.isError, textOf(answer));
    assert.match(textOf(answer), /Linus/);
    await call(agent, "run_approved", { approval_id });
    assert.equal(await gateway.invoicesSent(), 1);
  });

  it("is rejected with a reason, word for word", async () => {
    const sent = await gateway.invoicesSent();
    const { approval_id } = held(await call(agent, "send_invoice", { ...INVOICE, customer: "Ken" }));
    await succeeds("approvals", "reject", approval_id, "--reason", "Ken pays in cash — always.");
    const text = refused(await call(agent, "run_approved", { approval_id }));
    assert.ok(text.includes("Ken pays in cash — always."), text);
    assert.equal(await gateway.invoicesSent(), sent);
  });

  it("tells a person at the terminal what went wrong, and exits with a code that scripts see", async () => {
    const nobodys = "01890000-0000-7000-8000-000000000000";
    const { code, stdout, stderr } = await gateway.cli("approvals", "approve", "--yes", nobodys);
    assert.notEqual(code, 0, stdout);
    assert.ok(stderr.trim().length > 0);
    assert.ok(!stderr.includes(gateway.adminPassword));
  });

  async function succeeds(...args) {
    const { code, stdout, stderr } = await gateway.cli(...args);
    assert.equal(code, 0, `permesso ${args.join(" ")}:\n${stdout}${stderr}`);
    return stdout;
  }
});
