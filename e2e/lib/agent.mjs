// An agent: the official TypeScript client, and what its answers have to look like.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

/** The `_meta` key of everything that the gateway says about an approval. */
export const APPROVAL_META = "dev.permesso/approval";

/** Connects the official client; `key` may be absent, to see what strangers get. */
export function connect(url, key) {
  return connectWith(url, key ? { authorization: `Bearer ${key}` } : {});
}

/** Connects the official client with these headers. */
export async function connectWith(url, headers) {
  const client = new Client({ name: "permesso-e2e", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

/** Calls a tool. */
export function call(client, name, args = {}) {
  return client.callTool({ name, arguments: args });
}

/** All text blocks, one after the other. */
export function textOf(result) {
  return result.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("\n");
}

/** Checks that a call is held, and answers what the gateway says about it (approvals.md, "What the agent sees", 4). */
export function held(result) {
  assert.ok(!result.isError, `an agent would take this for a failure: ${textOf(result)}`);
  const text = textOf(result);
  assert.ok(text.startsWith("NOT EXECUTED"), text);
  const said = result.structuredContent;
  assert.ok(said, "a held call carries structuredContent");
  assert.deepEqual(result._meta?.[APPROVAL_META], said);
  assert.equal(said.status, "pending");
  assert.equal(said.executed, false);
  assert.match(said.approval_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.ok(text.includes(said.approval_id), "the text alone is enough to go on");
  assert.ok(Date.parse(said.expires_at) > Date.parse(said.created_at));
  return said;
}

/** Checks that a result is the gateway's own refusal, and answers its text. */
export function refused(result) {
  assert.equal(result.isError, true, `expected a refusal, got: ${textOf(result)}`);
  assert.equal(result.structuredContent, undefined, "refusals carry no structuredContent");
  return textOf(result);
}

/** Asks the gateway how an approval stands. */
export async function statusOf(client, approval_id, wait_seconds = 0) {
  const result = await call(client, "approval_status", { approval_id, wait_seconds });
  assert.ok(!result.isError, textOf(result));
  assert.equal(result.structuredContent.approval_id, approval_id);
  return result.structuredContent;
}

/**
 * The hash an approval is bound to, worked out without the gateway. Sorted keys are all that RFC
 * 8785 asks for in flat objects of strings and small integers.
 */
export function hashOf(flat) {
  return createHash("sha256").update(JSON.stringify(flat, Object.keys(flat).sort())).digest("hex");
}
