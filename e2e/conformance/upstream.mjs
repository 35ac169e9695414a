// The tools that the conformance suite looks for, behind a gateway: an upstream of 2026-07-28 that answers
// as the scenarios' descriptions say.

import { setTimeout as sleep } from "node:timers/promises";

import { capabilitiesOf, missing, modern, takesTasks } from "../lib/modern-upstream.mjs";
import { sendError, sendJson, startUpstream } from "../lib/upstream.mjs";
import { ASKING, asked } from "./questions.mjs";
import { METHODS, PARKING, park } from "./tasks.mjs";

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

/** Tools that have to be approved: the gateway makes tasks of their calls, for who declares the extension. */
export const HELD = ["slow_compute", "failing_job", "protocol_error_job"];

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
  const others = ["greet", "protocol_error_job", "test_missing_capability"];
  const tools = [...Object.keys(RESULTS), ...others, ...ASKING, ...PARKING].map((name) =>
    JSON.stringify({
      name,
      description: `The suite's ${name}.`,
      inputSchema: SCHEMAS[name] ?? { type: "object", properties: {} },
    }),
  );
  return startUpstream({
    tools,
    era: modern(METHODS),
    async answer(name, body, rawId, response) {
      if (name === "test_trigger_tool_change") await change();
      await answer(name, body, rawId, response);
    },
  });
}

async function answer(name, body, rawId, response) {
  const { params } = JSON.parse(body);
  const said = atOnce(name, params);
  if (said?.error) return void sendError(response, rawId, said.error);
  if (said) return void sendJson(response, rawId, JSON.stringify(said.result));
  if (HELD.includes(name)) await sleep(1000 * (params.arguments?.seconds ?? 1));
  const result = complete(RESULTS[name]);
  const meanwhile = notificationsOf(name, params._meta.progressToken);
  if (meanwhile.length === 0) return void sendJson(response, rawId, JSON.stringify(result));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const notification of meanwhile) {
    event(response, notification);
    await sleep(50);
  }
  event(response, { id: JSON.parse(rawId), result });
  response.end();
}

const complete = (result) => ({ resultType: "complete", ...result });
const done = (words) => ({ result: complete({ content: [text(words)] }) });

/** What is none of {@link RESULTS}: `{result}` or `{error}`. */
function atOnce(name, params) {
  switch (name) {
    case "greet":
      return done(`Hello, ${params.arguments.name}!`);
    case "protocol_error_job":
      return { error: { code: -32603, message: "the job broke the protocol" } };
    case "test_missing_capability":
      return capabilitiesOf(params).sampling ? done("done") : { error: missing({ sampling: {} }) };
  }
  if (PARKING.includes(name)) return parked(name, params);
  if (!ASKING.includes(name)) return undefined;
  const { questions, words } = asked(name, params);
  if (questions) return { result: questions };
  return name === "test_tool_with_task" ? parked(name, params, words) : done(words);
}

/** Who takes no tasks cannot be asked while it runs, and so has nothing done. */
function parked(name, params, words) {
  return takesTasks(params) ? { result: park(name, words) } : done("nothing was done");
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

function event(response, message) {
  response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
}
