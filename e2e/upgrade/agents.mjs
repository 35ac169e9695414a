// Agents that call without a pause, each request at any replica. Every call has an id in its arguments, which the
// upstream counts.

import { setTimeout as sleep } from "node:timers/promises";

import { plan_of } from "./people.mjs";

/** The `_meta` key of what the gateway says of an approval. */
const APPROVAL_META = "dev.permesso/approval";

const MODERN = "2026-07-28";
const LEGACY = "2025-11-25";
const META = "io.modelcontextprotocol/";
const TASKS = `${META}tasks`;
/** A call that has no end after so long is lost. */
const LONGEST_MS = 150_000;

/** How agents come to an answer: the key's hold time in seconds, and what they do while it waits. */
export const KINDS = {
  look: { hold: 0 },
  hold: { hold: 20 },
  poll: { hold: 0 },
  again: { hold: 1 },
  task: { hold: 0 },
  session: { hold: 3 },
};

/** One MCP client with a key. */
export class Line {
  constructor(front, book, toolkit, key, { legacy = false, tasks = false } = {}) {
    Object.assign(this, { front, book, toolkit, key, legacy, tasks, last: 0 });
  }

  /** One request: `{result}`, `{error}` of JSON-RPC, or `{missed}` where there was none of both; with its `replica`. */
  async ask(method, params, { at, signal } = {}) {
    if (this.legacy && method !== "initialize" && !this.session) {
      const clientInfo = { name: "upgrade", version: "1" };
      await this.ask("initialize", { protocolVersion: LEGACY, capabilities: {}, clientInfo });
    }
    const id = ++this.last;
    const headers = { accept: "application/json, text/event-stream" };
    if (this.legacy) {
      if (method !== "initialize") headers["mcp-protocol-version"] = LEGACY;
      if (this.session) headers["mcp-session-id"] = this.session;
    } else {
      const name = params.name ?? params.taskId;
      Object.assign(headers, {
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
        ...(name && { "mcp-name": name }),
      });
      params = { ...params, _meta: this.meta() };
    }
    const { phase } = this.book;
    const replica = at ?? this.front.pick();
    const body = { jsonrpc: "2.0", id, method, params };
    const answer = await replica.ask("POST", `${this.toolkit}/mcp`, { token: this.key, body, headers, signal });
    if (answer.headers?.get("mcp-session-id")) this.session = answer.headers.get("mcp-session-id");
    const message = answer.text && messageOf(answer.text);
    if (message?.error) {
      if (answer.status === 200) this.book.failed(replica, phase, `${method} ${params.name ?? ""}`, message.error);
      return { error: message.error, status: answer.status, replica };
    }
    if (message?.result) return { result: message.result, replica };
    return { missed: answer.fault ?? answer.status, status: answer.status, replica };
  }

  meta() {
    return {
      [`${META}protocolVersion`]: MODERN,
      [`${META}clientInfo`]: { name: "upgrade", version: "1" },
      [`${META}clientCapabilities`]: this.tasks ? { extensions: { [TASKS]: {} } } : {},
    };
  }

  call(name, args, more) {
    return this.ask("tools/call", { name, arguments: args }, more);
  }
}

/** The message in a body: JSON, or the last event of a stream. */
function messageOf(text) {
  const json = text.startsWith("{")
    ? text
    : text
        .split("\n")
        .findLast((line) => line.startsWith("data: {"))
        ?.slice(6);
  try {
    return json && JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** What a result says of the call with this id: `{end}`, `{pending}`, `{task}`, `{approved}` or `{running}`. */
export function read(result, id) {
  const text = (result.content ?? []).map((block) => block.text ?? "").join("\n");
  if (!result.isError && text.split("\n")[0] === `ran ${id}`) return { end: "answered" };
  if (result.resultType === "task") return { task: result.taskId };
  const ours = result._meta?.[APPROVAL_META] ?? result.structuredContent;
  return of_status(ours?.status, ours, id) ?? { end: `not understood: ${JSON.stringify(result).slice(0, 300)}` };
}

function of_status(status, ours, id) {
  switch (status) {
    case "pending":
      return { pending: ours.approval_id };
    case "approved":
      return { approved: ours.approval_id };
    case "executing":
      return { running: ours.approval_id };
    case "executed":
      return ours.result ? read(ours.result, id) : { end: "executed" };
    default:
      return status && { end: status };
  }
}

/** What a task says. */
function of_task(task, id) {
  if (task.status === "completed") return read(task.result, id);
  return task.status === "working" ? {} : { end: `task ${task.status}` };
}

/** An agent of one kind with a key of its own; works until it is told to stop, and ends what it began. */
export class Agent {
  constructor(line, kind, name) {
    Object.assign(this, { line, kind, name, count: 0 });
  }

  async work(going) {
    while (going()) await (this.kind === "look" ? this.looks() : this.pays());
  }

  begins(tool) {
    const id = `${this.name}-${++this.count}`;
    const call = {
      id,
      tool,
      kind: this.kind,
      phase: this.line.book.phase,
      end: undefined,
      missed: [],
      approvals: new Set(),
    };
    this.line.book.calls.set(id, call);
    return call;
  }

  /** A call that needs no approval: repeated only where the gateway says that nothing was done. */
  async looks() {
    const call = this.begins("look");
    for (let tries = 0; !call.end && tries < 20; tries++) {
      const { result, missed, error, status, replica } = await this.line.call("look", { id: call.id });
      call.opened = call.ran = replica.version;
      if (result) call.end = read(result, call.id).end ?? "not understood";
      else {
        call.missed.push(error ? `JSON-RPC ${error.code} ${error.message}` : missed);
        if (status !== 503 && status !== 429) call.end = "broken";
        await sleep(300);
      }
    }
    call.end ??= "lost";
  }

  /** A call that a person decides. */
  async pays() {
    const call = this.begins("pay");
    const deadline = Date.now() + LONGEST_MS;
    let step = { call: true };
    while (!call.end && Date.now() < deadline) {
      const heard = await this.takes(step, call);
      if (!heard.result) {
        call.missed.push(heard.error ? `JSON-RPC ${heard.error.code} ${heard.error.message}` : heard.missed);
        // What an approval stands for may be asked again: it runs at most once.
        await sleep(300);
        continue;
      }
      const said = step.task ? of_task(heard.result, call.id) : read(heard.result, call.id);
      call.opened ??= heard.replica.version;
      for (const id of [said.pending, said.approved, said.running]) if (id) call.approvals.add(id);
      if (said.end) {
        call.end = said.end;
        call.ran = heard.replica.version;
      }
      step = await this.next(step, said, call);
    }
    call.end ??= `lost: ${JSON.stringify(step)}`;
  }

  takes(step, call) {
    if (step.task) return this.line.ask("tasks/get", { taskId: step.task });
    if (step.status) return this.line.call("approval_status", { approval_id: step.status, wait_seconds: 3 });
    if (step.run) return this.line.call("run_approved", { approval_id: step.run });
    return this.line.call("pay", { id: call.id, cents: call.id.length });
  }

  async next(step, said, { id }) {
    if (said.task) return { task: said.task };
    if (step.task) {
      await sleep(400);
      return step;
    }
    if (this.kind !== "poll") {
      await sleep(200);
      return { call: true };
    }
    // Time in which an approval may be taken back.
    if (said.approved) await sleep(Math.random() * (plan_of(id) === "take back" ? 4_000 : 200));
    return said.approved ? { run: said.approved } : { status: said.pending ?? said.running };
  }
}
