// Requests in every state that the old version leaves behind, and what becomes of each.

import { setTimeout as sleep } from "node:timers/promises";

import { APPROVAL_META, Line, read } from "./agents.mjs";

/** What may differ between two looks at a request that nobody touched. */
const PASSING = ["may_decide", "may_not_decide_because", "settle_from", "similar", "last_approved", "who_decides", "somebody_may_decide"];

/** Makes the requests by way of the old version, and later ends them by way of the new one. */
export class Kept {
  constructor({ front, book, counter, people, keys }) {
    Object.assign(this, { front, book, counter, people, requests: new Map() });
    const { key } = keys.find(({ name }) => name === "ordinary");
    this.line = new Line(front, book, "/acme/kept", key);
    this.brief = new Line(front, book, "/acme/brief", key);
    this.tasks = new Line(front, book, "/acme/kept", key, { tasks: true });
  }

  /** Asks, so that a person has to decide; gives the approval's id. */
  async asks(name, tool = "pay", line = this.line) {
    const id = `kept-${name}`;
    const { result, error } = await line.call(tool, { id });
    const { pending } = result ? read(result, id) : {};
    if (!pending) throw new Error(`${name} was not held: ${JSON.stringify(result ?? error)}`);
    this.requests.set(name, { id, tool, line, approval: pending });
    return pending;
  }

  async decides(name, what, at, person = this.people.approver) {
    const { approval } = this.requests.get(name);
    const { arguments_sha256, definition_sha256 } = await person.acme("GET", `/approvals/${approval}`, undefined, at);
    const body = { arguments_sha256, definition_sha256, reason: `${what} ${name}` };
    return person.acme("POST", `/approvals/${approval}/${what}`, body, at);
  }

  async runs(name, at) {
    const { approval, line, id } = this.requests.get(name);
    const heard = await line.call("run_approved", { approval_id: approval }, { at });
    return heard.result ? read(heard.result, id).end : JSON.stringify(heard.error ?? heard.missed);
  }

  async again(name, at) {
    const { line, tool, id } = this.requests.get(name);
    const { result, error, missed } = await line.call(tool, { id }, { at });
    return { said: result ? read(result, id) : { end: JSON.stringify(error ?? missed) }, result };
  }

  status(name, at) {
    const { approval } = this.requests.get(name);
    return this.people.approver.acme("GET", `/approvals/${approval}`, undefined, at);
  }

  /** Every state; `dispatchers` are the old replicas that have a call under way, the second to its bitter end. */
  async make(dispatchers) {
    const { people, counter } = this;
    for (const name of ["expires", "late"]) await this.asks(name, "pay", this.brief);
    for (const name of ["waits", "waits to be rejected", "approved", "approved, asked again", "rejected", "executed"]) {
      await this.asks(name);
    }
    for (const name of ["approved", "approved, asked again", "executed"]) await this.decides(name, "approve");
    await this.decides("rejected", "reject");
    await this.runs("executed");
    for (const name of ["unknown", "settled as executed", "settled as not executed"]) {
      await this.asks(name, "vanish");
      await this.decides(name, "approve");
      await this.runs(name);
    }
    for (const name of ["moved", "moved, and tried"]) await this.asks(name, "other");
    await people.admin.acme("PATCH", "/connections/moved", { config: { url: counter.url, headers: { "x-new": "1" } } });
    await this.decides("moved, and tried", "approve").catch(() => {});
    counter.describes("drift", "Reads everything.");
    await people.admin.acme("POST", "/connections/work/refresh");
    await this.asks("changed definition", "drift");
    await this.withdrawn();
    for (const [n, name] of ["under way", "cut off"].entries()) {
      await this.asks(name, "hang");
      await this.decides(name, "approve");
      // It is answered when it ends.
      this.requests.get(name).answer = this.runs(name, dispatchers[n]);
    }
    for (const [name, outcome] of [["settled as executed", "executed"], ["settled as not executed", "not_executed"]]) {
      await this.settles(name, outcome);
    }
    while ((await this.status("late")).status !== "expired") await sleep(500);
    this.before = await this.snapshot();
  }

  async withdrawn() {
    const id = "kept-withdrawn";
    const { result } = await this.tasks.call("pay", { id });
    const cancelled = await this.tasks.ask("tasks/cancel", { taskId: result.taskId });
    if (!cancelled.result) throw new Error(`tasks/cancel: ${JSON.stringify(cancelled)}`);
    const [found] = await this.people.approver.all("/approvals?status=withdrawn&toolkit=kept");
    this.requests.set("withdrawn", { id, tool: "pay", line: this.line, approval: found.id });
  }

  /** Says what became of a call, as soon as that may be said. */
  async settles(name, outcome, at) {
    const { approval } = this.requests.get(name);
    const body = { outcome, note: "the statement says so" };
    for (let tries = 0; ; tries++) {
      try {
        return await this.people.approver.acme("POST", `/approvals/${approval}/settle`, body, at);
      } catch (error) {
        if (error.status !== 409 || tries === 60) throw error;
        await sleep(1_000);
      }
    }
  }

  /** Each request as the REST API has it. */
  async snapshot(at) {
    const found = {};
    for (const name of this.requests.keys()) found[name] = await this.status(name, at);
    return found;
  }

  /** Compares with what stood before: what the old version says of a request, the new one says too. */
  async compares(when, at, ended = []) {
    const now = await this.snapshot(at);
    for (const [name, before] of Object.entries(this.before)) {
      if (ended.includes(name)) continue;
      const differ = Object.keys(before).filter((member) => !PASSING.includes(member) && !same(before[member], now[name][member]));
      const may_have_ended = name === "moved" && now[name].status === "invalidated";
      const told = differ.map((member) => `${member}: ${JSON.stringify(before[member])} → ${JSON.stringify(now[name][member])}`);
      this.book.check(`requests ${when}`, `${name} (${before.status})`, differ.length === 0 || may_have_ended, told.join("; "));
    }
  }

  /** A call that was under way all the time ends, and what ended is told. */
  async releases() {
    this.counter.releases("kept-under way");
    const end = await this.requests.get("under way").answer;
    this.book.same("requests at their end", "under way: ran once, for its caller", [end, this.ran("under way")], ["answered", 1]);
  }

  ran(name) {
    return this.counter.ran.get(this.requests.get(name).id) ?? 0;
  }

  /** Decides, runs, settles and asks again by way of the new version. */
  async ends(at) {
    const note = (name, found, expected) => this.book.same("requests at their end", name, found, expected);
    await this.decides("waits", "approve", at);
    note("waits: approved, runs once", [await this.runs("waits", at), await this.runs("waits", at), this.ran("waits")], ["answered", "answered", 1]);
    await this.decides("waits to be rejected", "reject", at);
    note("waits: rejected, never runs", [(await this.again("waits to be rejected", at)).said.end, this.ran("waits to be rejected")], ["rejected", 0]);
    note("approved before: runs once", [await this.runs("approved", at), this.ran("approved")], ["answered", 1]);
    note("approved before, asked again: runs once", [(await this.again("approved, asked again", at)).said.end, this.ran("approved, asked again")], ["answered", 1]);
    note("rejected before: never runs", [await this.runs("rejected", at), this.ran("rejected")], ["rejected", 0]);
    const replayed = await this.again("executed", at);
    note("executed before: the stored result", [replayed.said.end, replayed.result?._meta?.[APPROVAL_META]?.replayed ?? replayed.result?._meta?.replayed, this.ran("executed")], ["answered", true, 1]);
    note("expired before: never runs", [await this.runs("expires", at), this.ran("expires")], ["expired", 0]);
    await this.decides("late", "approve", at);
    note("expired before, approved late: runs once", [await this.runs("late", at), this.ran("late")], ["answered", 1]);
    note("withdrawn before: stays so", [(await this.status("withdrawn", at)).status, this.ran("withdrawn")], ["withdrawn", 0]);
    await this.decides("changed definition", "approve", at);
    note("changed definition: runs once", [await this.runs("changed definition", at), this.ran("changed definition")], ["answered", 1]);
    for (const name of ["moved", "moved, and tried"]) {
      const { status, changed } = await this.status(name, at);
      const may = name === "moved" ? ["pending", "invalidated"] : ["invalidated"];
      note(`${name}: says why`, [may.includes(status), status === "pending" || Boolean(changed), this.ran(name)], [true, true, 0]);
    }
    for (const name of ["unknown", "cut off"]) {
      note(`${name}: is not run again`, [(await this.again(name, at)).said.end, this.ran(name)], ["outcome_unknown", 1]);
    }
    await this.settles("unknown", "executed", at);
    note("unknown: settled", (await this.status("unknown", at)).status, "executed");
    note("settled before: told so", [(await this.again("settled as executed", at)).said.end, this.ran("settled as executed")], ["executed", 1]);
    note("settled as not executed: stays so", [(await this.status("settled as not executed", at)).status, this.ran("settled as not executed")], ["not_executed", 1]);
  }
}

function same(one, other) {
  if (one === null || typeof one !== "object") return one === other || (one === null && other === undefined);
  if (other === null || typeof other !== "object") return false;
  return Object.keys(one).every((name) => same(one[name], other[name]));
}
