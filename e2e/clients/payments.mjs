// An upstream that asks before it pays, built with the official TypeScript server, @modelcontextprotocol/server
// 2.x: first for an account, then whether it is sure. What it was told before it keeps with the client, signed.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  acceptedContent,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  McpServer,
} from "@modelcontextprotocol/server";

/** What a client has to answer. */
export const ANSWERS = { account: "petty cash", sure: true };
/** The tool that needs no approval, and the one that does. */
export const [PAY, PAY_APPROVED] = ["pay", "pay_approved"];

const INVOICE = fromJsonSchema({ type: "object", properties: { note: { type: "string" } }, required: ["note"] });

/** Starts it on a free port; `made` are the payments it has made, each with the invoice's `note`. */
export async function startPayments() {
  const made = [];
  const states = createRequestStateCodec({ key: randomBytes(32) });
  const pay = async ({ note }, { mcpReq }) => {
    const account = mcpReq.requestState()?.account;
    const told = acceptedContent(mcpReq.inputResponses, "told");
    if (!account && !told?.account) return asks("Which account pays?", { account: { type: "string" } });
    if (!account) {
      const requestState = await states.mint({ account: told.account });
      return asks(`Pay from ${told.account}?`, { sure: { type: "boolean" } }, requestState);
    }
    if (told?.sure) made.push({ note, account });
    return { content: [], structuredContent: { note, account, paid: told?.sure === true } };
  };
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "payments", version: "1.0.0" }, { requestState: { verify: states.verify } });
    for (const name of [PAY, PAY_APPROVED]) server.registerTool(name, { inputSchema: INVOICE }, pay);
    return server;
  });
  const server = createServer(toNodeHandler(handler));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    made,
    async stop() {
      await handler.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Asks for a form; `requestState` comes back with it. */
function asks(message, properties, requestState) {
  const requestedSchema = { type: "object", properties, required: Object.keys(properties) };
  return inputRequired({ inputRequests: { told: inputRequired.elicit({ message, requestedSchema }) }, requestState });
}
