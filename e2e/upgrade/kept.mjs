// Requests in every state that the old version leaves behind, and what becomes of each.

import { setTimeout as sleep } from "node:timers/promises";

import { Line, read } from "./agents.mjs";

/** What may differ between two looks at a request that nobody touched. */
const PASSING = [
  "may_decide",
  "may_not_decide_because",
  "settle_from",
  "similar",
  "last_approved",
  "who_decides",
  "somebody_may_decide",
];

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
    for (const [name, outcome] of [
      ["settled as executed", "executed"],
      ["settled as not executed", "not_executed"],
    ]) {
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
      const differ = Object.keys(before).filter(
        (member) => !PASSING.includes(member) && !same(before[member], now[name][member]),
      );
      const may_have_ended = name === "moved" && now[name].status === "invalidated";
      const told = differ.map(
        (member) => `${member}: ${JSON.stringify(before[member])} → ${JSON.stringify(now[name][member])}`,
      );
      this.book.check(
        `requests ${when}`,
        `${name} (${before.status})`,
        differ.length === 0 || may_have_ended,
        told.join("; "),
      );
    }
  }

  /** A call that was under way all the time ends, and what ended is told. */
  async releases() {
    this.counter.releases("kept-under way");
    const end = await this.requests.get("under way").answer;
    this.book.same(
      "requests at their end",
      "under way: ran once, for its caller",
      [end, this.ran("under way")],
      ["answered", 1],
    );
  }

  ran(name) {
    return this.counter.ran.get(this.requests.get(name).id) ?? 0;
  }

  /** Decides, runs, settles and asks again by way of the new version: what each comes to, and how often it ran. */
  async ends(at) {
    const note = async (name, about, expected, ...steps) => {
      const found = [];
      for (const step of steps) found.push(await step());
      const ran = this.requests.has(name) ? this.ran(name) : 0;
      this.book.same("requests at their end", `${name}: ${about}`, [...found, ran], expected);
    };
    const decides = async (name, what) => void (await this.decides(name, what, at));
    const runs = (name) => () => this.runs(name, at);
    const again = (name) => async () => (await this.again(name, at)).said.end;
    const status = (name) => async () => (await this.status(name, at)).status;

    await decides("waits", "approve");
    await note("waits", "approved now, runs once", ["answered", "answered", 1], runs("waits"), runs("waits"));
    await decides("waits to be rejected", "reject");
    await note("waits to be rejected", "never runs", ["rejected", 0], again("waits to be rejected"));
    await note("approved", "runs once", ["answered", 1], runs("approved"));
    await note("approved, asked again", "runs once", ["answered", 1], again("approved, asked again"));
    await note("rejected", "never runs", ["rejected", 0], runs("rejected"));
    const { said, result } = await this.again("executed", at);
    const is_replayed = JSON.stringify(result?._meta ?? {}).includes('"replayed":true');
    await note(
      "executed",
      "gives the stored result",
      [said.end, true, 1],
      () => said.end,
      () => is_replayed,
    );
    await note("expires", "never runs", ["expired", 0], runs("expires"));
    await decides("late", "approve");
    await note("late", "approved after it expired, runs once", ["answered", 1], runs("late"));
    await note("withdrawn", "stays so", ["withdrawn", 0], status("withdrawn"));
    await decides("changed definition", "approve");
    await note("changed definition", "approved now, runs once", ["answered", 1], runs("changed definition"));
    for (const name of ["moved", "moved, and tried"]) {
      const { status, changed } = await this.status(name, at);
      const may = status === "invalidated" ? changed !== null : name === "moved" && status === "pending";
      await note(name, "is undone, and says by what", [true, 0], () => may);
    }
    for (const name of ["unknown", "cut off"]) {
      await note(name, "is not run again", ["outcome_unknown", 1], again(name));
    }
    await this.settles("unknown", "executed", at);
    await note("unknown", "is settled", ["executed", 1], status("unknown"));
    await note("settled as executed", "its agent is told", ["executed", 1], again("settled as executed"));
    await note("settled as not executed", "stays so", ["not_executed", 1], status("settled as not executed"));
  }
}

function same(one, other) {
  if (one === null || typeof one !== "object") return one === other || (one === null && other === undefined);
  if (other === null || typeof other !== "object") return false;
  return Object.keys(one).every((name) => same(one[name], other[name]));
}
