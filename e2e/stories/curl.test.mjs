// A script that has curl and nothing else: it lists tools and calls them, a person decides with curl as well, and what was
// allowed runs once.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Approver } from "../clients/approver.mjs";
import { signIn } from "../lib/admin.mjs";
import { curl } from "../lib/curl.mjs";
import { startGateway } from "../lib/gateway.mjs";

const INVOICE = { customer: "Ada & Söhne", amount_cents: 4200, currency: "EUR" };
// curl's exit code for a request that took longer than it was given.
const TIME_IS_OVER = 28;

describe("a script that has curl", () => {
  let gateway, approver, token;

  before(async () => {
    gateway = await startGateway();
    const admin = await signIn(gateway);
    approver = new Approver(admin);
    // Where an invoice is sent without a question.
    await admin.acme("POST", "/toolkits", { slug: "open", name: "Open", visibility: "private" });
    await admin.permit("open", "ledger", "send_invoice", "always_allow");
  });
  after(() => gateway?.stop());

  it("lists what it may call, and what becomes of a call", async () => {
    const { status, headers, body } = await asks("/tools");
    assert.equal(status, 200);
    assert.deepEqual(
      body.items.map(({ toolkit, name, permission }) => [toolkit, name, permission]),
      [
        ["ledger", "list_invoices", "always_allow"],
        ["ledger", "send_invoice", "needs_approval"],
        ["open", "send_invoice", "always_allow"],
      ],
      "what is blocked is left out",
    );
    assert.equal(body.next_cursor, null);
    assert.deepEqual(body.items[1].input_schema.required, ["customer", "amount_cents", "currency"]);

    const again = await asks("/tools", { options: ["--header", `If-None-Match: ${headers.get("etag")}`] });
    assert.equal(again.status, 304);
    assert.equal(again.body, undefined);

    const first = await asks("/tools?limit=1");
    const next = await asks(`/tools?cursor=${encodeURIComponent(first.body.next_cursor)}`);
    assert.deepEqual([...first.body.items, ...next.body.items], body.items);
  });

  it("gets the answer of an allowed tool at once", async () => {
    const { status, headers, body } = await calls("ledger", { tool: "list_invoices" });
    assert.equal(status, 200);
    assert.equal(headers.get("location"), null);
    assert.equal(body.status, "executed");
    assert.equal(body.executed, true);
    assert.deepEqual(body.result.structuredContent, { invoices: [] });
  });

  it("asks, waits for a person, and gets the upstream's answer exactly once", async () => {
    const request = { tool: "send_invoice", arguments: INVOICE };
    const held = await calls("ledger", request);
    assert.equal(held.status, 202);
    assert.equal(held.body.status, "pending");
    assert.equal(held.body.executed, false);
    assert.equal(held.body.next_action, "call_approval_status");
    const id = held.body.approval_id;
    const place = held.headers.get("location");
    assert.equal(place, `/api/v1/orgs/acme/toolkits/ledger/calls/${id}`);
    assert.ok(held.body.message.includes(place), "the words alone are enough to go on");
    assert.equal((await comesBack(place)).status, 202);

    await approves(id);
    const allowed = await comesBack(place);
    assert.equal(allowed.status, 202);
    assert.equal(allowed.body.status, "approved");
    assert.equal(allowed.body.next_action, "run_approved");
    assert.equal(await gateway.invoicesSent(), 0, "an approval waits for the script");

    const ran = await calls("ledger", request);
    assert.equal(ran.status, 200);
    assert.equal(ran.body.status, "executed");
    assert.equal(ran.body.executed, true);
    assert.equal(ran.body.approval_id, id);
    assert.equal(ran.body.replayed, undefined, "this is the run itself");
    assert.equal(ran.body.result.structuredContent.customer, INVOICE.customer);
    assert.equal(await gateway.invoicesSent(), 1);

    const seen = await comesBack(place);
    assert.equal(seen.status, 200);
    assert.equal(seen.body.status, "executed");
    assert.deepEqual(seen.body.result, ran.body.result);

    const again = await calls("ledger", request);
    assert.equal(again.status, 200);
    assert.equal(again.body.replayed, true);
    assert.equal(again.body.approval_id, id);
    assert.equal(await gateway.invoicesSent(), 1, "a replay is not a run");
  });

  it("is told while it waits, as soon as a person has decided", async () => {
    const request = { tool: "send_invoice", arguments: { ...INVOICE, note: "while it waits" } };
    const { body } = await calls("ledger", request);
    const waiting = calls("ledger", { ...request, wait_seconds: 50 });
    await approves(body.approval_id);
    const { status, body: told } = await waiting;
    assert.equal(status, 200);
    assert.equal(told.status, "executed");
    assert.equal(told.approval_id, body.approval_id);
  });

  it("sends a request with a key again, and it runs once", async () => {
    const sent = await gateway.invoicesSent();
    const request = { tool: "send_invoice", arguments: INVOICE, idempotency_key: "invoice-2026-0042" };
    const first = await calls("open", request);
    assert.equal(first.status, 200);
    const second = await calls("open", request);
    assert.equal(second.status, 200);
    assert.equal(second.body.status, "executed");
    assert.equal(second.body.replayed, true);
    assert.deepEqual(second.body.result, first.body.result);
    assert.equal(await gateway.invoicesSent(), sent + 1);
    const { invoices } = await gateway.ledger();
    assert.equal(invoices.filter(({ number }) => number === first.body.result.structuredContent.number).length, 1);

    const other = await calls("open", { ...request, arguments: { ...INVOICE, amount_cents: 1 } });
    assert.equal(other.status, 422);
    assert.equal(other.body.code, "idempotency_key_reused");
    assert.equal(other.body.executed, false);
    assert.equal(await gateway.invoicesSent(), sent + 1);
  });

  it("may hang up while it waits: nothing is withdrawn", async () => {
    const sent = await gateway.invoicesSent();
    const args = { ...INVOICE, note: "no patience" };
    const request = { tool: "send_invoice", arguments: args };
    const leaves = new AbortController();
    const first = calls("ledger", { ...request, wait_seconds: 50 }, { signal: leaves.signal });
    const id = await approver.asked(args);
    leaves.abort();
    assert.equal((await first).status, undefined, "it went away without an answer");

    const impatient = await calls("ledger", { ...request, wait_seconds: 50 }, { options: ["--max-time", "1"] });
    assert.equal(impatient.code, TIME_IS_OVER);

    const place = `/api/v1/orgs/acme/toolkits/ledger/calls/${id}`;
    assert.equal((await comesBack(place)).body.status, "pending");
    await approves(id);
    const ran = await calls("ledger", request);
    assert.equal(ran.status, 200);
    assert.equal(ran.body.approval_id, id);
    assert.equal(await gateway.invoicesSent(), sent + 1);
  });

  it("is told what is wrong before anybody is asked", async () => {
    const wrong = { ...INVOICE, amount_cents: "a lot" };
    for (const [toolkit, body, status, code, field] of [
      ["ledger", { tool: "send_invoice", arguments: wrong }, 422, "invalid", "/arguments/amount_cents"],
      ["ledger", { tool: "send_invoice", arguments: INVOICE, wait_seconds: 241 }, 422, "invalid", "wait_seconds"],
      ["ledger", { tool: "send_invoice", arguments: [INVOICE] }, 422, "invalid", "arguments"],
      ["ledger", { tool: "delete_ledger" }, 403, "blocked"],
      ["ledger", { tool: "no_such_tool" }, 404, "unknown_tool"],
      ["no-such-toolkit", { tool: "send_invoice" }, 404, "not_found"],
    ]) {
      const answer = await calls(toolkit, body);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal(answer.body.code, code);
      assert.equal(answer.body.errors?.[0].field, field);
    }
    assert.deepEqual(await approver.admin.allApprovals("status=pending"), []);
  });

  it("finds nothing below another's key", async () => {
    const { body } = await calls("ledger", { tool: "send_invoice", arguments: { ...INVOICE, note: "mine" } });
    const place = `/orgs/acme/toolkits/ledger/calls/${body.approval_id}`;
    const stranger = await approver.admin.acme("POST", "/api-keys", { name: "stranger", role: "agent" });
    for (const options of [[], ["--request", "POST"]]) {
      const answer = await curl(`${gateway.url}/api/v1${place}`, { bearer: stranger.key, options });
      assert.equal(answer.status, 404);
      assert.equal(answer.body.code, "not_found");
    }
  });

  /** What the script asks of acme. */
  function asks(path, settings) {
    return curl(`${gateway.url}/api/v1/orgs/acme${path}`, { bearer: gateway.agentKey, ...settings });
  }

  /** A call. */
  function calls(toolkit, body, settings) {
    return asks(`/toolkits/${toolkit}/call`, { body, ...settings });
  }

  /** How a call stands, by the address that was given for it. */
  function comesBack(place) {
    return curl(new URL(place, gateway.url).href, { bearer: gateway.agentKey });
  }

  /** Another person, who has curl too: signs in, looks, and allows what was seen. */
  async function approves(id) {
    const login = { email: gateway.adminEmail, password: gateway.adminPassword };
    token ??= (await curl(`${gateway.url}/api/v1/auth/login`, { body: login })).body.access_token;
    const approval = `${gateway.url}/api/v1/orgs/acme/approvals/${id}`;
    const { arguments_sha256, definition_sha256 } = (await curl(approval, { bearer: token })).body;
    const answer = await curl(`${approval}/approve`, { bearer: token, body: { arguments_sha256, definition_sha256 } });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }
});
