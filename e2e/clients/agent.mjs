// One client in one case: what it asks the gateway, and what the answers have to be.

import assert from "node:assert/strict";

import { APPROVAL_META, textOf } from "../lib/agent.mjs";
import { ANSWERS } from "./payments.mjs";

export { held, refused, textOf } from "../lib/agent.mjs";

export class Agent {
  /** `scene` is what all share: the gateway, the approver and the endpoints. */
  constructor(scene, driver, { label, settings, url }) {
    this.scene = scene;
    this.driver = driver;
    this.settings = { url, ...settings };
    this.invoice = { customer: "Ada", amount_cents: 4200, currency: "EUR", note: label };
  }

  /** The same agent, connected anew. */
  by(driver) {
    return Object.assign(Object.create(Agent.prototype), this, { driver });
  }

  /** The same agent at another toolkit. */
  at(toolkit) {
    const settings = { ...this.settings, url: this.scene.gateway.toolkit(toolkit) };
    return Object.assign(Object.create(Agent.prototype), this, { settings });
  }

  list() {
    return this.driver.ask({ do: "list", ...this.settings });
  }

  /** Any call; the result. */
  async call(tool, args = {}) {
    return (await this.told(tool, args)).result;
  }

  /** Any call; the result, and the progress meanwhile. */
  told(tool, args = {}) {
    return this.driver.ask({ do: "call", ...this.settings, tool, arguments: args });
  }

  /** The call that needs approval, always with the same arguments; the result. */
  send() {
    return this.call("send_invoice", this.invoice);
  }

  /** The same as a task; its states and the result. */
  sendAsTask() {
    return this.driver.ask({ do: "task", ...this.settings, tool: "send_invoice", arguments: this.invoice });
  }

  /** The call of a tool that asks back before it pays the same invoice; the result. */
  pay(tool) {
    return this.call(tool, this.invoice);
  }

  run(approval_id) {
    return this.call("run_approved", { approval_id });
  }

  /** How the approval stands; without `wait_seconds`, as long as the gateway thinks right. */
  async status(approval_id, wait_seconds) {
    const result = await this.call("approval_status", {
      approval_id,
      ...(wait_seconds !== undefined && { wait_seconds }),
    });
    assert.ok(!result.isError, textOf(result));
    assert.equal(result.structuredContent.approval_id, approval_id);
    return result.structuredContent;
  }

  /** Waits until a person is asked for the call that `answer` is awaited of; the approval, other than `but`. */
  asked(answer, but) {
    const early = answer.then((result) => assert.fail(`answered before anybody was asked: ${JSON.stringify(result)}`));
    return Promise.race([this.scene.approver.asked(this.invoice, but), early]);
  }

  /** Checks that a result is the upstream's of this agent's call, and not a stored one. */
  ran(result) {
    assert.ok(!result.isError, textOf(result));
    assert.equal(result.structuredContent?.note, this.invoice.note, textOf(result));
    assert.equal(result._meta?.[APPROVAL_META]?.replayed, undefined, "this is the run itself");
  }

  /** Checks that a result is the stored one of this agent's call. */
  gotStored(result) {
    assert.ok(!result.isError, textOf(result));
    assert.equal(result.structuredContent?.note, this.invoice.note, textOf(result));
    assert.equal(result._meta?.[APPROVAL_META]?.replayed, true);
  }

  /** Checks how often the upstream has really done it, by its own books. */
  async hasRun(times) {
    const { invoices } = await this.scene.gateway.ledger();
    assert.equal(invoices.filter(({ note }) => note === this.invoice.note).length, times, "runs in the ledger's file");
  }

  /** Checks how often the upstream that asks back has paid, and that it heard what the client answered. */
  hasPaid(times) {
    const paid = this.scene.payments.made.filter(({ note }) => note === this.invoice.note);
    const { account } = ANSWERS;
    assert.deepEqual(paid, Array(times).fill({ note: this.invoice.note, account }), "payments in the upstream's books");
  }
}

/** Checks that nobody has been answered for `ms`. */
export async function stillOpen(answer, ms) {
  const open = Symbol();
  const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, ms, open))]);
  if (first !== open) assert.fail(`answered too early: ${JSON.stringify(first).slice(0, 500)}`);
}

/** Awaits an answer that has to come within `ms` from now. */
export async function within(ms, answer) {
  const asked = Date.now();
  const value = await answer;
  assert.ok(Date.now() - asked < ms, `answered after ${Date.now() - asked} ms, not within ${ms}`);
  return value;
}
