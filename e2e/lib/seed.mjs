// A full queue: many requests of many agents, made in seconds with real calls.
//
// One caller may have 20 requests open, so there is a key for every 20. The calls are those of MCP's stateless revision,
// one HTTP request each, over a few connections. What the requests ask is realistic, differs from request to
// request, and is the same in every run.

import assert from "node:assert/strict";

import { APPROVAL_META } from "./agent.mjs";
import { keyMaker, signIn } from "./admin.mjs";
import { TOOLS, asked } from "./seed-requests.mjs";
import { sendJson, startUpstream } from "./upstream.mjs";

/** How many requests one caller may have open. */
export const PER_KEY = 20;

const REVISION = "2026-07-28";
const META = "io.modelcontextprotocol/";
const CLIENTS = [
  ["claude-code", "2.1.4"],
  ["codex", "0.48.0"],
  ["cursor-vscode", "1.7.2"],
  ["nightly report", "0.3"],
];

/**
 * Opens an office's toolkit in acme, `office`, whose tools all need approval, and gives what fills its queue. A story
 * stops it at its end, after the gateway.
 */
export async function startOffice(gateway) {
  const upstream = await startUpstream({
    tools: TOOLS.map((tool) => JSON.stringify(tool)),
    answer: (_name, _body, id, response) => sendJson(response, id, '{"content":[{"type":"text","text":"done"}]}'),
  });
  const config = { url: upstream.url };
  const admin = await signIn(gateway);
  await admin.offer({ connection: "office", kind: "streamable_http", config, toolkit: "office", permission: "needs_approval" });
  return new Office(gateway, upstream, await keyMaker(gateway));
}

/**
 * Fills the inbox of acme with `count` waiting requests and gives them, oldest first, with the office that they ask for:
 * `{office, requests: [{id, tool, arguments, key}]}`.
 */
export async function seed(gateway, count = 500) {
  const office = await startOffice(gateway);
  return { office, requests: await office.asks(count) };
}

class Office {
  constructor(gateway, upstream, makeKey) {
    this.url = gateway.toolkit("office");
    this.upstream = upstream;
    this.makeKey = makeKey;
    this.keys = [];
    this.count = 0;
  }

  /** How often the office's tools have really run. */
  get ran() {
    return this.upstream.calls.length;
  }

  stop() {
    return this.upstream.stop();
  }

  /** Makes keys for as many requests more, before a story measures what the requests themselves cost. */
  async prepares(count) {
    const missing = Math.ceil((this.count + count) / PER_KEY) - this.keys.length;
    await eachOf(missing, 4, async () => {
      const n = this.keys.length;
      this.keys.push(undefined);
      const [client] = CLIENTS[n % CLIENTS.length];
      this.keys[n] = await this.makeKey(`${client} ${n + 1}`, { hold_seconds: 0 });
    });
  }

  /**
   * Makes `count` calls that are held, `at_once` at a time, and gives their requests in the order of their
   * arguments. `on_answer` gets every answer's HTTP status and how long it took in milliseconds; without it, anything but a held call fails.
   */
  async asks(count, { at_once = 4, on_answer } = {}) {
    await this.prepares(count);
    const first = this.count;
    this.count += count;
    const requests = Array(count);
    await eachOf(count, at_once, async (n) => {
      requests[n] = await this.asks_one(first + n, on_answer);
    });
    return requests.filter((request) => request !== undefined);
  }

  async asks_one(n, on_answer) {
    const { tool, args, reason } = asked(n);
    const key = this.keys[Math.floor(n / PER_KEY)];
    const before = performance.now();
    const { status, text } = await callTool(this.url, key, n, tool, args, reason);
    on_answer?.(status, performance.now() - before);
    const said = status === 200 ? resultOf(text)?._meta?.[APPROVAL_META] : undefined;
    assert.ok(said?.status === "pending" || on_answer, `request ${n} was not held: ${status} ${text}`);
    return said && { id: said.approval_id, tool, arguments: args, key, created_at: said.created_at };
  }
}

/** One `tools/call` of the stateless revision. */
async function callTool(url, key, n, name, args, reason) {
  const [client, version] = CLIENTS[Math.floor(n / PER_KEY) % CLIENTS.length];
  const _meta = {
    [`${META}protocolVersion`]: REVISION,
    [`${META}clientInfo`]: { name: client, version },
    [`${META}clientCapabilities`]: {},
    ...(reason && { "dev.permesso/reason": reason }),
  };
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": REVISION,
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: n + 1, method: "tools/call", params: { name, arguments: args, _meta } }),
  });
  return { status: response.status, text: await response.text() };
}

/** The result in a body: JSON, or the last event of a stream. */
function resultOf(text) {
  const json = text.startsWith("{") ? text : text.split("\n").findLast((line) => line.startsWith("data: {"))?.slice(6);
  return json && JSON.parse(json).result;
}

/** Does something for 0 to `count` − 1, in this order, `at_once` at a time. */
async function eachOf(count, at_once, act) {
  let next = 0;
  const worker = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(at_once, count) }, worker));
}
