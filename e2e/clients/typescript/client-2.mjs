// The official TypeScript client of today, @modelcontextprotocol/client 2.x, in either era, with the
// official tasks extension for it.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";

import { obey, optionsOf } from "./lines.mjs";

const { MCP_KEY, MCP_ERA } = process.env;
const TASKS = "io.modelcontextprotocol/tasks";

async function connect({ url, as, tasks, answers, timeout }) {
  const clientInfo = { name: as, version: "1.0.0" };
  const capabilities = {
    ...(tasks && { extensions: { [TASKS]: {} } }),
    ...(answers && { elicitation: { form: {} } }),
  };
  // A pinned version does not fall back to an older one.
  const mode = MCP_ERA === "2026-07-28" ? { pin: MCP_ERA } : "legacy";
  const client = new Client(clientInfo, { capabilities, versionNegotiation: { mode } });
  if (answers) client.setRequestHandler("elicitation/create", ({ params }) => filled(params, answers));
  const headers = { authorization: `Bearer ${MCP_KEY}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport, { timeout: timeout * 1000 });
  if (!tasks) return { client };
  const session = createTaskSessionFromClient(client, {
    endpointId: url,
    rawDispatch: rawly(transport),
    v2RequestFraming: { protocolVersion: MCP_ERA, clientInfo, clientCapabilities: capabilities },
  });
  return { client, session };
}

/** A form as it comes back. */
function filled({ requestedSchema }, answers) {
  const fields = Object.keys(requestedSchema.properties);
  return { action: "accept", content: Object.fromEntries(fields.map((field) => [field, answers[field]])) };
}

/** Sends what the client's own codec does not know; the extension asks its host for this. */
function rawly(transport) {
  const pending = new Map();
  const known = transport.onmessage;
  transport.onmessage = (message, extra) => {
    const answered = pending.get(message.id);
    if (!answered) return known?.(message, extra);
    pending.delete(message.id);
    const { result, error } = message;
    answered(error ? { kind: "error", error } : { kind: "result", result });
  };
  return ({ method, params }, { signal } = {}) =>
    new Promise((resolve, reject) => {
      const id = `task-${crypto.randomUUID()}`;
      pending.set(id, resolve);
      transport.send({ jsonrpc: "2.0", id, method, params }, { requestSignal: signal }).catch(reject);
    });
}

obey(connect, {
  async list({ client }, command) {
    const { tools } = await client.listTools({}, optionsOf(command).options);
    return { tools, version: client.getNegotiatedProtocolVersion() };
  },
  async call({ client }, command) {
    const { options, heard } = optionsOf(command);
    const { tool: name, arguments: args } = command;
    return { result: await client.callTool({ name, arguments: args }, options), progress: heard };
  },
  async task({ session }, command) {
    const execution = await session.callTool(command.tool, command.arguments);
    if (execution.kind !== "task") throw new Error(`the call is not a task but ${execution.kind}`);
    const states = [];
    const onEvent = (event) => void states.push(event.task?.status ?? event.outcome?.status);
    const { outcome } = await execution.settle({ onEvent });
    return { states, result: resultFromTaskOutcome(outcome) };
  },
});
