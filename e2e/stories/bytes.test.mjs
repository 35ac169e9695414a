// What an upstream answers reaches the agent byte for byte, and what was approved reaches the
// upstream byte for byte: no SDK in between that would hide a difference.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { sendEvent, sendJson, startUpstream } from "../lib/upstream.mjs";

// White space, number forms, escapes, members and content types that nobody knows, a `tools` member
// that makes some decoders take it for a tool list, and a duplicate key in what is not ours to judge.
const ODD_LINE = String.raw`{ "content" :[ {"type":"text","text":"nul \u0000 \/ \u00e9 é \ud83d\ude00 😀 \u2028","x":{"z":1,"a":[ ]}} ,{"type":"hologram","data":1.0e2,"big":9007199254740993,"no":null}],"tools":[{"name":"not a tool"}],"isError" : false,"structuredContent":{"f":1.0e2,"zero":-0.0,"E":1E+2,"long":123456789012345678901234567890,"tiny":1e-400},"_meta":{"example.test/x":null,"example.test/n":1.50},"nextCursor":7,"unknown":{"":"","a":1,"a":2} }`;
const ODD_TEXT = ODD_LINE.replace(' ,{"type":"hologram"', '\r\n\t,\n  {"type":"hologram"');
const ODD_ERROR = String.raw`{"isError":true,"content":[{"text":"n\u006f","type":"text"}],"retry":1.0}`;

const DEFINITION = (name) =>
  `{"description":"odd \\u00e9","x-unknown":{"weight":1.0e2,"big":9007199254740993},"name":"${name}",` +
  `"inputSchema":{"type":"object","properties":{"n":{"type":"integer"},"f":{"type":"number"},"s":{"type":"string"}}}}`;

const ANSWERS = {
  odd_json: (id, response) => sendJson(response, id, ODD_TEXT),
  odd_stream: (id, response) => sendEvent(response, id, ODD_LINE),
  odd_error: (id, response) => sendJson(response, id, ODD_ERROR),
};

describe("bytes through the gateway", () => {
  let gateway, admin, upstream;

  before(async () => {
    upstream = await startUpstream({
      tools: Object.keys(ANSWERS).map(DEFINITION),
      answer: (name, _body, id, response) => ANSWERS[name](id, response),
    });
    gateway = await startGateway();
    admin = await signIn(gateway);
    await admin.offer({
      connection: "odd",
      kind: "streamable_http",
      config: { url: upstream.url },
      toolkit: "odd",
      permission: "always_allow",
    });
  });
  after(async () => {
    await gateway?.stop();
    await upstream?.stop();
  });

  for (const [tool, raw] of [
    ["odd_json", ODD_TEXT],
    ["odd_stream", ODD_LINE],
    ["odd_error", ODD_ERROR],
  ]) {
    it(`keeps every byte of the result of ${tool}`, async () => {
      resultIs(raw, await post("tools/call", `{"name":"${tool}","arguments":{}}`));
    });
  }

  it("keeps every byte of a definition that it does not have to change", async () => {
    const { body } = await post("tools/list", "{}");
    for (const tool of Object.keys(ANSWERS)) assert.ok(body.includes(DEFINITION(tool)), body);
  });

  it("dispatches the bytes that were approved, and gives back the bytes that came", async () => {
    await admin.permit("odd", "odd", "odd_json", "needs_approval");
    const approved = String.raw`{ "n" : 9007199254740993,"s":"\u00e9\u0000","f": 1.0e2 }`;
    const identical = String.raw`{"f":100,"s":"é\u0000","n":9007199254740993}`;
    const different = identical.replace("9007199254740993", "9007199254740992");

    const first = pending(await post("tools/call", `{"name":"odd_json","arguments":${approved}}`));
    assert.equal(pending(await post("tools/call", `{"arguments":${identical},"name":"odd_json"}`)), first);
    assert.notEqual(pending(await post("tools/call", `{"name":"odd_json","arguments":${different}}`)), first);
    assert.equal((await admin.approval(first)).arguments_json, approved, "the approver sees these bytes");
    const before = upstream.calls.length;
    await admin.approve(first);

    resultIs(ODD_TEXT, await post("tools/call", `{"name":"odd_json","arguments":${identical}}`));
    assert.equal(upstream.calls.length, before + 1);
    const dispatched = upstream.calls.at(-1).body;
    assert.ok(dispatched.includes(approved), `the first call's bytes are what was approved: ${dispatched}`);
  });

  let id = 0;

  /** Sends raw text, reads raw text. */
  async function post(method, params) {
    id += 1;
    const response = await fetch(gateway.toolkit("odd"), {
      method: "POST",
      headers: {
        authorization: `Bearer ${gateway.agentKey}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
      },
      body: `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`,
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const streamed = response.headers.get("content-type").startsWith("text/event-stream");
    return { id, streamed, body: streamed ? lastEvent(text) : text };
  }
});

/**
 * The answer is an envelope around exactly these bytes: with them taken out, what is left is the
 * envelope and nothing else.
 */
function resultIs(raw, { id, streamed, body }) {
  // A stream cannot carry a carriage return: the event's lines are joined by line feeds.
  const expected = streamed ? raw.replaceAll("\r\n", "\n") : raw;
  const parts = body.split(expected);
  assert.equal(parts.length, 2, `expected\n${JSON.stringify(expected)}\nin\n${JSON.stringify(body)}`);
  assert.deepEqual(JSON.parse(parts.join("null")), { jsonrpc: "2.0", id, result: null });
}

function pending({ body }) {
  const { status, approval_id } = JSON.parse(body).result.structuredContent;
  assert.equal(status, "pending", body);
  return approval_id;
}

/** The data of the last event of a stream. */
function lastEvent(text) {
  const events = text.split(/\r?\n\r?\n/).map((event) =>
    event
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.replace(/^data: ?/, ""))
      .join("\n"),
  );
  return events.filter((data) => data !== "").at(-1);
}
