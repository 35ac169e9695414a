// The official TypeScript client before its second major version: @modelcontextprotocol/sdk 1.x.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { obey, optionsOf } from "./lines.mjs";

let version;

async function connect({ url, as, timeout }) {
  const client = new Client({ name: as, version: "1.0.0" });
  const headers = { authorization: `Bearer ${process.env.MCP_KEY}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  transport.setProtocolVersion = (
    (set) => (spoken) =>
      set.call(transport, (version = spoken))
  )(transport.setProtocolVersion);
  await client.connect(transport, { timeout: timeout * 1000 });
  return client;
}

obey(connect, {
  async list(client, command) {
    const { tools } = await client.listTools({}, optionsOf(command).options);
    return { tools, version };
  },
  async call(client, command) {
    const { options, heard } = optionsOf(command);
    const { tool: name, arguments: args } = command;
    return { result: await client.callTool({ name, arguments: args }, undefined, options), progress: heard };
  },
});
