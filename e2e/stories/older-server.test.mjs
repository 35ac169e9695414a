// A published server that speaks MCP 2024-11-05 and nothing newer, as a child process: it is listed and called as others are,
// and what needs approval runs once. Seven more of that age stand in ../zoo, one of which run.sh tries there.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, textOf } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";

const SERVER = fileURLToPath(new URL("../node_modules/@modelcontextprotocol/server-postgres/dist/index.js", import.meta.url));
const QUERY = { sql: "SELECT 6 AS legs, 'å' AS letter" };
const WRONG = { sql: "SELEC 6" };

describe("the TypeScript client queries through @modelcontextprotocol/server-postgres", () => {
  let gateway, admin, agent;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
    const args = [SERVER, await gateway.databaseUrl()];
    const config = { command: process.execPath, args, env: { PATH: process.env.PATH } };
    await admin.offer({ connection: "database", kind: "stdio", config, toolkit: "database", permission: "needs_approval" });
    agent = await connect(gateway.toolkit("database"), gateway.agentKey);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  it("finds the server's tool", async () => {
    const names = (await agent.listTools()).tools.map(({ name }) => name);
    assert.deepEqual(names.sort(), ["approval_status", "query", "run_approved"]);
  });

  it("gets rows once a person has approved, and the stored ones after that", async () => {
    const { approval_id } = held(await call(agent, "query", QUERY));
    await admin.approve(approval_id);
    const answer = await call(agent, "query", QUERY);
    assert.ok(!answer.isError, textOf(answer));
    assert.deepEqual(JSON.parse(textOf(answer)), [{ legs: 6, letter: "å" }]);
    assert.deepEqual((await call(agent, "query", QUERY)).content[0], answer.content[0]);
    const ran = (await admin.auditOf(approval_id)).filter(({ action }) => action === "tools/call");
    assert.deepEqual(ran.map(({ status }) => status), ["held", "ok", "replayed"]);
  });

  it("reads the server's own words about what it could not do", async () => {
    await admin.permit("database", "database", "query", "always_allow");
    await assert.rejects(call(agent, "query", WRONG), /syntax error at or near "SELEC"/);
  });
});
