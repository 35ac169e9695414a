// The tools that the conformance suite looks for, behind a gateway: an upstream that answers as the
// scenarios' descriptions say.

import { setTimeout as sleep } from "node:timers/promises";

import { sendJson, startUpstream } from "../lib/upstream.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

const text = (words) => ({ type: "text", text: words });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const audio = { type: "audio", data: WAV, mimeType: "audio/wav" };
const resource = (uri, mimeType, words) => ({ type: "resource", resource: { uri, mimeType, text: words } });

const RESULTS = {
  test_simple_text: { content: [text("This is a simple text response for testing.")] },
  test_image_content: { content: [image] },
  test_audio_content: { content: [audio] },
  test_embedded_resource: {
    content: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
  },
  test_multiple_content_types: {
    content: [
      text("Multiple content types test:"),
      image,
      resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
  },
  test_error_handling: { isError: true, content: [text("This tool intentionally returns an error for testing")] },
  test_tool_with_progress: { content: [text("done")] },
  test_logging_tool: { content: [text("done")] },
  test_streaming_elicitation: { content: [text("done")] },
  test_trigger_tool_change: { content: [text("done")] },
  slow_compute: { content: [text("computed")] },
  failing_job: { isError: true, content: [text("the job failed")] },
  comes_and_goes: { content: [text("done")] },
  test_custom_headers: { content: [text("done")] },
  json_schema_2020_12_tool: { content: [text("done")] },
};

/** Tools that have to be approved: what calls of them become for who declares the tasks extension. */
export const TASKS = ["slow_compute", "failing_job", "protocol_error_job"];

const SCHEMAS = {
  json_schema_2020_12_tool: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: {
      address: {
        $anchor: "addressDef",
        type: "object",
        properties: { street: { type: "string" }, city: { type: "string" } },
      },
    },
    properties: {
      name: { type: "string" },
      address: { $ref: "#/$defs/address" },
      contactMethod: { type: "string", enum: ["phone", "email"] },
      phone: { type: "string" },
      email: { type: "string" },
    },
    allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
    if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
    then: { required: ["phone"] },
    else: { required: ["email"] },
    additionalProperties: false,
  },
  test_custom_headers: {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" } },
  },
};

/** Starts it on a free port; `change` has the gateway's list of tools become another. */
export function startFixtures({ change }) {
  const tools = [...Object.keys(RESULTS), "greet", "protocol_error_job"].map((name) =>
    JSON.stringify({
      name,
      description: `The suite's ${name}.`,
      inputSchema: SCHEMAS[name] ?? { type: "object", properties: {} },
    }),
  );
  return startUpstream({
    tools,
    async answer(name, body, rawId, response) {
      if (name === "test_trigger_tool_change") await change();
      await answer(name, body, rawId, response);
    },
  });
}

async function answer(name, body, rawId, response) {
  const { arguments: args, _meta } = JSON.parse(body).params;
  if (name === "protocol_error_job") {
    return void sendError(response, rawId, '{"code":-32603,"message":"the job broke the protocol"}');
  }
  if (name === "greet") {
    return void sendJson(response, rawId, JSON.stringify({ content: [text(`Hello, ${args.name}!`)] }));
  }
  if (TASKS.includes(name)) await sleep(1000 * (args?.seconds ?? 1));
  const meanwhile = notificationsOf(name, _meta?.progressToken);
  if (meanwhile.length === 0) return void sendJson(response, rawId, JSON.stringify(RESULTS[name]));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const notification of meanwhile) {
    event(response, notification);
    await sleep(50);
  }
  event(response, { id: JSON.parse(rawId), result: RESULTS[name] });
  response.end();
}

function notificationsOf(name, progressToken) {
  switch (name) {
    case "test_tool_with_progress":
      if (progressToken === undefined) return [];
      return [0, 50, 100].map((progress) => ({
        method: "notifications/progress",
        params: { progressToken, progress, total: 100 },
      }));
    case "test_logging_tool":
      return [{ method: "notifications/message", params: { level: "info", data: "not for the client" } }];
    default:
      return [];
  }
}

function sendError(response, rawId, rawError) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${rawId},"error":${rawError}}`);
}

function event(response, message) {
  response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
}
