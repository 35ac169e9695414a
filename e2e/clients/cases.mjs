// The cases of the table: what each client does, and what the contract says has to come of it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { held, refused, stillOpen, textOf, within } from "./agent.mjs";
import { ANSWERS, PAY, PAY_APPROVED } from "./payments.mjs";

// What a task says of how often to ask.
const POLL_MS = 5_000;
const REASON = 'Not this quarter: "Ada" is on hold — ask Zoë first.\nThen 100 %.';
// Names by which the gateway knows how long a client waits, and one that it does not know.
const HELD_45_S = "cursor";
const HELD_100_S = "claude-code";
const HELD_4_S = "permesso-e2e";

/**
 * `settings` go with every request of the case. `long` cases take a minute and wait for all of it;
 * `brief` ones use the toolkit whose requests expire soon.
 */
export const CASES = [
  { id: "list", settings: { as: HELD_4_S, timeout: 60 }, run: lists },
  { id: "call", settings: { as: HELD_4_S, timeout: 60 }, run: calls },
  { id: "in time", settings: { as: HELD_45_S, timeout: 60 }, run: isApprovedInTime },
  { id: "late", settings: { as: HELD_4_S, timeout: 60 }, run: isApprovedLate },
  { id: "rejected", settings: { as: HELD_45_S, timeout: 60 }, run: isRejected },
  { id: "expired", settings: { as: HELD_45_S, timeout: 60 }, run: expires, brief: true },
  { id: "task", settings: { as: HELD_4_S, timeout: 60, tasks: true }, run: isATask },
  { id: "asked", settings: { as: HELD_4_S, timeout: 60, answers: ANSWERS }, run: isAsked },
  { id: "asked in time", settings: { as: HELD_45_S, timeout: 60, answers: ANSWERS }, run: isAskedWhenApprovedInTime },
  { id: "asked late", settings: { as: HELD_4_S, timeout: 60, answers: ANSWERS }, run: isAskedWhenApprovedLate },
  { id: "return", settings: { as: HELD_45_S, timeout: 60 }, run: disconnectsAndReturns },
  { id: "strict", settings: { as: HELD_4_S, timeout: 60 }, run: holdsResultsAgainstTheirSchema },
  { id: "5 s", settings: { as: HELD_4_S, timeout: 5 }, run: isImpatient },
  { id: "progress", settings: { as: HELD_100_S, timeout: 60, progress: true }, run: waitsBeyondItsTimeout, long: true },
  { id: "60 s", settings: { as: HELD_45_S, timeout: 60 }, run: waitsUpToItsTimeout, long: true },
];

async function lists(agent, { era }) {
  const { tools, version } = await agent.list();
  assert.equal(version, era);
  const names = tools.map(({ name }) => name);
  for (const name of ["list_invoices", "send_invoice", "approval_status", "run_approved"])
    assert.ok(names.includes(name), name);
  assert.ok(!names.includes("delete_ledger"), "a blocked tool is not listed");
  assert.deepEqual(
    (await agent.list()).tools.map(({ name }) => name),
    names,
    "the order is stable",
  );
}

async function calls(agent) {
  const result = await agent.call("list_invoices");
  assert.ok(!result.isError, textOf(result));
  assert.ok(Array.isArray(result.structuredContent.invoices));
}

async function isApprovedInTime(agent, { approver, soon }) {
  const answer = agent.send();
  const approval = await agent.asked(answer);
  await stillOpen(answer, 500);
  await agent.hasRun(0);
  await approver.approve(approval);
  agent.ran(await within(soon, answer));
  await agent.hasRun(1);
}

async function isApprovedLate(agent, { approver, soon }) {
  const { approval_id } = held(await agent.send());
  const status = agent.status(approval_id, 20);
  await stillOpen(status, 500);
  await approver.approve(approval_id);
  const { status: state, next_action } = await within(soon, status);
  assert.deepEqual({ state, next_action }, { state: "approved", next_action: "run_approved" });
  await agent.hasRun(0);
  agent.ran(await agent.run(approval_id));
  await agent.hasRun(1);
  agent.gotStored(await agent.send());
  await agent.hasRun(1);
}

async function isRejected(agent, { approver, soon }) {
  const answer = agent.send();
  const approval = await agent.asked(answer);
  await stillOpen(answer, 500);
  await approver.reject(approval, REASON);
  for (const result of [await within(soon, answer), await agent.send(), await agent.run(approval)]) {
    const text = refused(result);
    assert.ok(text.includes(REASON), text);
    assert.match(text, /do not resubmit unchanged/i);
  }
  await agent.hasRun(0);
}

async function expires(agent, { approver }) {
  const answer = agent.send();
  const first = await agent.asked(answer);
  const text = refused(await within(25_000, answer));
  assert.match(text, /nobody decided/i);
  assert.match(text, /ask once more/i);
  const again = agent.send();
  const second = await agent.asked(again, first);
  await approver.approve(second);
  agent.ran(await again);
  await agent.hasRun(1);
}

async function isATask(agent, { approver, soon }) {
  const answer = agent.sendAsTask();
  const approval = await agent.asked(answer);
  // Longer than a call of this name is held: what comes after that comes by the task.
  await stillOpen(answer, 7_000);
  await agent.hasRun(0);
  await approver.approve(approval);
  const { states, result } = await within(soon + POLL_MS, answer);
  agent.ran(result);
  await agent.hasRun(1);
  if (states) {
    assert.equal(states[0], "working");
    assert.equal(states.at(-1), "completed");
  }
}

async function isAsked(agent) {
  agent.ran(await agent.pay(PAY));
  agent.hasPaid(1);
  agent.ran(await agent.pay(PAY));
  agent.hasPaid(2);
}

async function isAskedWhenApprovedInTime(agent, { approver }) {
  const answer = agent.pay(PAY_APPROVED);
  const approval = await agent.asked(answer);
  await stillOpen(answer, 500);
  agent.hasPaid(0);
  await approver.approve(approval);
  agent.ran(await answer);
  agent.hasPaid(1);
  agent.gotStored(await agent.pay(PAY_APPROVED));
  agent.hasPaid(1);
}

async function isAskedWhenApprovedLate(agent, { approver }) {
  const { approval_id } = held(await agent.pay(PAY_APPROVED));
  await approver.approve(approval_id);
  assert.equal((await agent.status(approval_id)).next_action, "run_approved");
  agent.hasPaid(0);
  agent.ran(await agent.run(approval_id));
  agent.hasPaid(1);
  assert.equal((await agent.status(approval_id)).status, "executed");
  agent.gotStored(await agent.pay(PAY_APPROVED));
  agent.hasPaid(1);
}

async function disconnectsAndReturns(agent, { approver, connect, alwaysTasks }) {
  const gone = connect();
  const answer = agent.by(gone).send();
  const approval = await agent.asked(answer);
  await stillOpen(answer, 500);
  await gone.kill();
  await sleep(1_000);
  await approver.approve(approval);
  await sleep(1_000);
  // What nobody waits for is not run, except a task: that is what tasks are for.
  await agent.hasRun(alwaysTasks ? 1 : 0);
  const back = connect();
  try {
    const result = await agent.by(back).send();
    if (alwaysTasks) agent.gotStored(result);
    else agent.ran(result);
  } finally {
    await back.stop();
  }
  await agent.hasRun(1);
}

async function holdsResultsAgainstTheirSchema(agent, { approver, alwaysTasks }) {
  const open = agent.at("open");
  const schemas = ({ tools }) => tools.filter(({ outputSchema }) => outputSchema).map(({ name }) => name);
  assert.deepEqual(schemas(await open.list()).sort(), ["list_invoices", "miscount"], "where no tool is ever held");
  await assert.rejects(
    open.call("miscount"),
    /schema|structured|valid|must be integer/i,
    "the client holds results against their schema",
  );
  assert.deepEqual(schemas(await agent.list()), [], "where a tool may be held, none promises a schema");
  assert.ok(Array.isArray((await agent.call("list_invoices")).structuredContent.invoices));
  const answer = agent.send();
  const approval = await agent.asked(answer);
  if (!alwaysTasks) held(await answer);
  await approver.approve(approval);
  agent.ran(await (alwaysTasks ? answer : agent.send()));
  await agent.hasRun(1);
}

async function isImpatient(agent, { approver }) {
  await agent.list();
  const { approval_id } = held(await agent.send());
  assert.equal((await agent.status(approval_id)).status, "pending");
  await approver.approve(approval_id);
  assert.equal((await agent.status(approval_id)).status, "approved");
  agent.ran(await agent.send());
  await agent.hasRun(1);
}

async function waitsBeyondItsTimeout(agent, { approver, soon }) {
  const answer = agent.told("send_invoice", agent.invoice);
  const approval = await agent.asked(answer);
  await stillOpen(answer, 63_000);
  await approver.approve(approval);
  const { result, progress } = await within(soon, answer);
  agent.ran(result);
  await agent.hasRun(1);
  assert.ok(progress.length >= 6, `progress is told every 10 s: ${JSON.stringify(progress)}`);
  assert.match(progress[0].message, /waiting for approval/);
  progress.reduce((before, now) => (assert.ok(now.progress > before.progress, "progress rises"), now));
}

async function waitsUpToItsTimeout(agent, { approver }) {
  const asked = Date.now();
  const { approval_id } = held(await agent.send());
  assert.ok(Date.now() - asked > 40_000, `it was held for ${Date.now() - asked} ms`);
  await approver.approve(approval_id);
  agent.ran(await agent.send());
  await agent.hasRun(1);
}
