// A script that has the program `permesso` and a key: it lists tools and calls them, and its exit code says what became of a
// call.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Approver } from "../clients/approver.mjs";
import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { sendError, sendJson, startUpstream } from "../lib/upstream.mjs";

const [EXECUTED, FAILED, WRONG_USE, NOT_EXECUTED, PENDING, UNKNOWN] = [0, 1, 2, 3, 4, 5];
const INVOICE = { customer: "Ada & Söhne", amount_cents: 1250, currency: "EUR" };

const definition = (name, description) => JSON.stringify({ name, description, inputSchema: { type: "object" } });

describe("a script that has permesso and a key", () => {
  let gateway, approver, upstream;

  before(async () => {
    upstream = await startUpstream({
      tools: [
        definition("fail", "Says that it could not."),
        definition("refuse", "Answers with an error of the protocol."),
        definition("vanish", "Never answers."),
      ],
      answer: (name, _body, id, response) => {
        if (name === "fail") sendJson(response, id, '{"content":[{"type":"text","text":"out of paper"}],"isError":true}');
        else if (name === "refuse") sendError(response, id, { code: -32000, message: "the printer is on strike" });
        else response.destroy();
      },
    });
    gateway = await startGateway();
    const admin = await signIn(gateway);
    approver = new Approver(admin);
    const config = { url: upstream.url };
    await admin.offer({ connection: "odd", kind: "streamable_http", config, toolkit: "odd", permission: "always_allow" });
  });
  after(async () => {
    await gateway?.stop();
    await upstream?.stop();
  });

  it("lists the tools of a toolkit, and of all of them", async () => {
    const { stdout } = await runs(EXECUTED, "tools", "acme/ledger");
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2, "what is blocked is left out");
    assert.match(lines[0], /^list_invoices +runs at once +List every invoice/);
    assert.match(lines[1], /^send_invoice +needs approval +Send an invoice/);

    const { items } = JSON.parse((await runs(EXECUTED, "tools", "acme", "--json")).stdout);
    assert.deepEqual(
      items.map(({ toolkit, name }) => `${toolkit}/${name}`),
      ["ledger/list_invoices", "ledger/send_invoice", "odd/fail", "odd/refuse", "odd/vanish"],
    );
  });

  it("calls an allowed tool, and reads what it says", async () => {
    const { stdout, stderr } = await runs(EXECUTED, "call", "acme/ledger", "list_invoices");
    assert.deepEqual(JSON.parse(stdout), { invoices: [] });
    assert.equal(stderr, "", "what it says is all there is to read");
    const whole = JSON.parse((await runs(EXECUTED, "call", "acme/ledger", "list_invoices", "--output", "json")).stdout);
    assert.equal(whole.status, "executed");
    assert.deepEqual(whole.result.structuredContent, { invoices: [] });
  });

  it("is told how to come back, does so once a person has approved, and it runs once", async () => {
    const command = sends(INVOICE);
    const { stdout, stderr } = await runs(PENDING, ...command, "--wait", "0");
    assert.equal(stdout, "", "nothing ran, and so nothing is said");
    assert.match(stderr, /not executed: waiting for a person's approval/);
    assert.match(stderr, /To come back, give the same command/);
    const [id] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(stderr);
    assert.equal(await approver.asked(INVOICE), id, "every value has the type that the tool's schema wants");
    assert.ok(stderr.includes(`${gateway.url}/acme/approvals/${id}`), stderr);

    const { code } = await gateway.cli("approvals", "approve", "--yes", id);
    assert.equal(code, 0);
    assert.equal(await gateway.invoicesSent(), 0, "an approval waits for the script");

    assert.match((await runs(EXECUTED, ...command)).stdout, /Ada & Söhne/);
    const again = await runs(EXECUTED, ...command);
    assert.match(again.stdout, /Ada & Söhne/);
    assert.match(again.stderr, /it did not run again/);
    assert.equal(await gateway.invoicesSent(), 1);
  });

  it("waits for a person unless it is told not to", async () => {
    const args = { ...INVOICE, note: "no hurry" };
    const waiting = runs(EXECUTED, "call", "acme/ledger", "send_invoice", "--json", JSON.stringify(args));
    await approver.approve(await approver.asked(args));
    const { stdout, stderr } = await waiting;
    assert.match(stdout, /no hurry/);
    assert.ok(stderr.includes(`waiting for a person's approval (admin or approver): ${gateway.url}/acme/approvals/`), stderr);
    assert.equal(await gateway.invoicesSent(), 2);
  });

  it("reads a rejection word for word", async () => {
    const reason = "Ada pays in cash — always.";
    const args = { ...INVOICE, note: "rejected" };
    const waiting = runs(NOT_EXECUTED, ...sends(args));
    const id = await approver.asked(args);
    await approver.reject(id, reason);
    assert.ok((await waiting).stderr.includes(reason));
    const { stdout, stderr } = await runs(NOT_EXECUTED, ...sends(args), "--wait", "0");
    assert.equal(stdout, "");
    assert.ok(stderr.includes(reason), stderr);
    assert.equal(await gateway.invoicesSent(), 2);
  });

  it("tells from the exit code that the tool failed, and that nobody knows", async () => {
    const failed = await runs(FAILED, "call", "acme/odd", "fail");
    assert.match(failed.stdout, /out of paper/);
    assert.match(failed.stderr, /the tool reported an error/);
    assert.match((await runs(FAILED, "call", "acme/odd", "refuse")).stderr, /the printer is on strike \(-32000\)/);
    const lost = await runs(UNKNOWN, "call", "acme/odd", "vanish");
    assert.match(lost.stderr, /It may have run/);
    assert.equal(upstream.calls.filter(({ name }) => name === "vanish").length, 1);
  });

  it("runs a call with an idempotency key once", async () => {
    const once = ["call", "acme/odd", "vanish", "--idempotency-key", "friday"];
    const ran = () => upstream.calls.filter(({ name }) => name === "vanish").length;
    const before = ran();
    await runs(UNKNOWN, ...once);
    await runs(UNKNOWN, ...once);
    assert.equal(ran(), before + 1);
    const { stderr } = await runs(WRONG_USE, ...once, "--json", '{"n":1}');
    assert.match(stderr, /this key was used for another call/);
    assert.equal(ran(), before + 1);
  });

  it("is told what to change, and nobody is asked", async () => {
    for (const [words, ...args] of [
      [/"amount_cents" must be an integer/, ...sends({ ...INVOICE, amount_cents: "many" })],
      [/less than the minimum of 1/, ...sends({ ...INVOICE, amount_cents: 0 })],
      [/"currency" is a required property/, ...sends({ customer: "Ada", amount_cents: 1 })],
      [/must be a JSON object/, "call", "acme/ledger", "send_invoice", "--json", "[]"],
      [/not run: toolkit default: blocked/, "call", "acme/ledger", "delete_ledger"],
      [/`permesso tools acme\/ledger` lists them/, "call", "acme/ledger", "no_such_tool", "--arg", "n=1"],
      [/Unknown tool: no_such_tool/, "call", "acme/ledger", "no_such_tool"],
      [/there is nothing here/, "call", "acme/no-such-toolkit", "list_invoices"],
      [/give ORG\/TOOLKIT/, "call", "acme", "list_invoices"],
      [/there is nothing here/, "tools", "no-such-org"],
    ]) {
      const { stdout, stderr } = await runs(WRONG_USE, ...args);
      assert.equal(stdout, "");
      assert.match(stderr, words);
    }
    assert.deepEqual(await approver.admin.allApprovals("status=pending"), []);
  });

  it("has to say who it is", async () => {
    const command = ["call", "acme/ledger", "list_invoices"];
    for (const [key, words] of [
      ["mmcp_nobodys", /no valid credential/],
      ["", /Set PERMESSO_KEY to an agent's key, or give --email/],
    ]) {
      const { code, stderr } = await gateway.cliWith(key, ...command);
      assert.equal(code, WRONG_USE);
      assert.match(stderr, words);
    }
    const { code, stdout } = await gateway.cli(...command);
    assert.equal(code, EXECUTED, "a person signs in");
    assert.equal(JSON.parse(stdout).invoices.length, 2);
  });

  /** The command that sends an invoice. */
  function sends(invoice) {
    const args = Object.entries(invoice).flatMap(([name, value]) => ["--arg", `${name}=${value}`]);
    return ["call", "acme/ledger", "send_invoice", ...args];
  }

  /** Runs it with the key, and checks its exit code. */
  async function runs(expected, ...args) {
    const ended = await gateway.cliWith(gateway.agentKey, ...args);
    assert.equal(ended.code, expected, `permesso ${args.join(" ")}:\n${ended.stdout}${ended.stderr}`);
    assert.ok(!(ended.stdout + ended.stderr).includes(gateway.agentKey), "a key is never printed");
    return ended;
  }
});
