// Published servers that speak MCP 2024-11-05 and nothing newer, as child processes: they are listed and called as others
// are, and what needs approval runs once. All eight that were tried stand in ../zoo.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, textOf } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";

const program = (name) =>
  fileURLToPath(new URL(`../node_modules/@modelcontextprotocol/${name}/dist/index.js`, import.meta.url));
const ONCE = { sql: "SELECT 6 AS legs, 'å' AS letter" };

describe("the TypeScript client uses servers of MCP 2024-11-05", () => {
  let gateway, admin, agent;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  it("@modelcontextprotocol/server-postgres does what was approved, once", async () => {
    await offers("postgres", [program("server-postgres"), await gateway.databaseUrl()], {}, "needs_approval");
    const names = (await agent.listTools()).tools.map(({ name }) => name);
    assert.deepEqual(names.sort(), ["approval_status", "query", "run_approved"]);
    const { approval_id } = held(await call(agent, "query", ONCE));
    await admin.approve(approval_id);
    const answer = await call(agent, "query", ONCE);
    assert.ok(!answer.isError, textOf(answer));
    assert.deepEqual(JSON.parse(textOf(answer)), [{ legs: 6, letter: "å" }]);
    assert.deepEqual((await call(agent, "query", ONCE)).content[0], answer.content[0], "the stored result");
    const ran = (await admin.auditOf(approval_id)).map(({ status }) => status);
    assert.deepEqual(ran, ["held", "ok", "replayed"]);
  });

  it("@modelcontextprotocol/server-slack says itself what it misses in a call that needs no approval", async () => {
    const env = { SLACK_BOT_TOKEN: "xoxb-none", SLACK_TEAM_ID: "T0" };
    await offers("slack", [program("server-slack")], env, "always_allow");
    const { tools } = await agent.listTools();
    assert.deepEqual(tools.find(({ name }) => name === "slack_post_message").inputSchema.required, ["channel_id", "text"]);
    const answer = await call(agent, "slack_post_message", { channel_id: "C0" });
    assert.deepEqual(JSON.parse(textOf(answer)), { error: "Missing required arguments: channel_id and text" });
  });

  /** Offers a server's tools to the agent. */
  async function offers(slug, args, env, permission) {
    const config = { command: process.execPath, args, env: { PATH: process.env.PATH, ...env } };
    await admin.offer({ connection: slug, kind: "stdio", config, toolkit: slug, permission });
    await agent?.close();
    agent = await connect(gateway.toolkit(slug), gateway.agentKey);
  }
});
