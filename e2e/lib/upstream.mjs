// An MCP server in a few lines that answers with exactly the bytes a story wants: no SDK would.

import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Starts an upstream on a free port of the loopback.
 *
 * `tools` are definitions as raw JSON text; the array may be changed while it runs. `answer` gets
 * the called tool's name, the raw body of the request, its id as raw text and the response, and
 * has to end the response. `era` gives `{result}`, as raw text, or `{error}` for everything else: any
 * revision before 2026-07-28 unless it is that of modern-upstream.mjs.
 */
export async function startUpstream({ tools, answer, era = legacy }) {
  const upstream = { tools, calls: [] };
  const server = createServer(async (request, response) => {
    if (request.method !== "POST") return void response.writeHead(405).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    const message = JSON.parse(body);
    if (message.id === undefined) return void response.writeHead(202).end();
    const rawId = JSON.stringify(message.id);
    const said = era(message, upstream.tools, request.headers);
    if (said?.error) return sendError(response, rawId, said.error);
    if (said) return sendJson(response, rawId, said.result);
    const { name } = message.params;
    upstream.calls.push({ name, body });
    answer(name, body, rawId, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  upstream.url = `http://127.0.0.1:${server.address().port}/mcp`;
  upstream.stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return upstream;
}

/** Answers with a raw result as one JSON body. */
export function sendJson(response, rawId, rawResult) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${rawId},"result":${rawResult}}`);
}

/** Answers with a raw result, which has no line breaks, as a stream of one event. */
export function sendEvent(response, rawId, rawResult) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`event: message\ndata: {"jsonrpc":"2.0","id":${rawId},"result":${rawResult}}\n\n`);
}

/** Answers with a JSON-RPC error, and the HTTP status that goes with it. */
export function sendError(response, rawId, { status = 200, ...error }) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${rawId},"error":${JSON.stringify(error)}}`);
}

function legacy({ method, params }, tools) {
  switch (method) {
    case "initialize":
      return {
        result: JSON.stringify({
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: "odd-upstream", version: "1.0.0" },
        }),
      };
    case "tools/list":
      return { result: `{"tools":[${tools.join(",")}]}` };
    case "tools/call":
      return undefined;
    default:
      return { result: "{}" };
  }
}
