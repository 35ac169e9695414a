// What an agent, a stranger and a hasty approver are told when the answer is no.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Refused, rest, signIn } from "../lib/admin.mjs";
import { call, connect, held, refused } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";

const INVOICE = { customer: "Grace", amount_cents: 100, currency: "EUR" };
const INITIALIZE = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "stranger", version: "1" } },
};

describe("the TypeScript client, refused", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
  });
  after(async () => {
    await agent?.close();
    const sent = await gateway?.invoicesSent();
    await gateway?.stop();
    if (gateway) assert.equal(sent, 0, "nothing in this file may run");
  });

  it("reads a rejection word for word, and again when it asks again", async () => {
    const reason = 'Not this quarter: "Grace" is on hold — ask Zoë first.\nThen 100 %.';
    const { approval_id } = held(await call(agent, "send_invoice", INVOICE));
    await admin.reject(approval_id, reason);
    for (const [tool, args] of [
      ["send_invoice", INVOICE],
      ["run_approved", { approval_id }],
    ]) {
      const text = refused(await call(agent, tool, args));
      assert.ok(text.includes(reason), text);
      assert.match(text, /do not resubmit unchanged/i);
    }
  });

  it("cannot call a blocked tool, and is told which rule says so", async () => {
    const text = refused(await call(agent, "delete_ledger"));
    assert.match(text, /toolkit default: blocked/);
  });

  it("is told which argument is wrong before anybody is asked", async () => {
    const known = (await admin.approvals()).length;
    for (const [args, field] of [
      [{ ...INVOICE, amount_cents: "a lot" }, "amount_cents"],
      [{ customer: "Grace", amount_cents: 100 }, "currency"],
      [{ ...INVOICE, discount: 5 }, "discount"],
    ]) {
      const text = refused(await call(agent, "send_invoice", args));
      assert.ok(text.includes(field), `${field} is not named in: ${text}`);
    }
    assert.equal((await admin.approvals()).length, known);
  });

  it("cannot decide: only people do", async () => {
    const { approval_id } = held(await call(agent, "send_invoice", { ...INVOICE, note: "mine" }));
    const { arguments_sha256, definition_sha256 } = await admin.approval(approval_id);
    for (const [verb, body] of [
      ["approve", { arguments_sha256, definition_sha256 }],
      ["reject", { arguments_sha256, definition_sha256, reason: "no" }],
    ]) {
      const path = `/orgs/acme/approvals/${approval_id}/${verb}`;
      await assert.rejects(rest(gateway, gateway.agentKey, "POST", path, body), is(403, "person_required"));
    }
    assert.equal((await admin.approval(approval_id)).status, "pending");
  });

  it("cannot decide with an administrator's key either", async () => {
    const { key } = await admin.acme("POST", "/api-keys", { name: "powerful", role: "admin" });
    const { approval_id } = held(await call(agent, "send_invoice", { ...INVOICE, note: "by key" }));
    const { arguments_sha256, definition_sha256 } = await admin.approval(approval_id);
    const path = `/orgs/acme/approvals/${approval_id}/approve`;
    const body = { arguments_sha256, definition_sha256 };
    await assert.rejects(rest(gateway, key, "POST", path, body), is(403, "person_required"));
    assert.equal((await admin.approval(approval_id)).status, "pending");
  });

  it("is not approved by somebody who saw something else", async () => {
    const { approval_id } = held(await call(agent, "send_invoice", { ...INVOICE, note: "stale" }));
    const { arguments_sha256, definition_sha256 } = await admin.approval(approval_id);
    const other = "0".repeat(64);
    for (const body of [
      { arguments_sha256: other, definition_sha256 },
      { arguments_sha256, definition_sha256: other },
    ]) {
      await assert.rejects(admin.acme("POST", `/approvals/${approval_id}/approve`, body), is(409));
    }
    assert.equal((await admin.approval(approval_id)).status, "pending");
  });

  it("cannot run what is not approved, not its own, or not there", async () => {
    const mine = held(await call(agent, "send_invoice", { ...INVOICE, note: "early" }));
    const early = held(await call(agent, "run_approved", { approval_id: mine.approval_id }));
    assert.equal(early.approval_id, mine.approval_id);
    const nobodys = { approval_id: "01890000-0000-7000-8000-000000000000" };
    refused(await call(agent, "run_approved", nobodys));
    refused(await call(agent, "approval_status", nobodys));
  });

  it("gets 401 with the way to authenticate when it has no key or a wrong one", async () => {
    await assert.rejects(connect(gateway.mcpUrl), /401|unauthorized/i);
    for (const authorization of [undefined, "Bearer nonsense", `Bearer ${gateway.agentKey.slice(0, -1)}`]) {
      for (const url of [gateway.mcpUrl, gateway.toolkit("no-such-toolkit"), `${gateway.url}/no-org/at-all/mcp`]) {
        const response = await initialize(url, authorization);
        assert.equal(response.status, 401, url);
        assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
      }
    }
  });

  it("gets 404 for toolkits that do not exist", async () => {
    await assert.rejects(connect(gateway.toolkit("no-such-toolkit"), gateway.agentKey), /404|not found|nothing here/i);
    for (const url of [gateway.toolkit("no-such-toolkit"), `${gateway.url}/no-org/ledger/mcp`]) {
      assert.equal((await initialize(url, `Bearer ${gateway.agentKey}`)).status, 404, url);
    }
  });

  async function initialize(url, authorization) {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        ...(authorization && { authorization }),
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(INITIALIZE),
    });
    await response.text();
    return response;
  }
});

function is(status, code) {
  return (error) => {
    assert.ok(error instanceof Refused, `${error}`);
    assert.equal(error.status, status, `${error}`);
    if (code) assert.equal(error.problem.code, code, `${error}`);
    return true;
  };
}
