// A published MCP server as a child process: a file appears only after approval and a second call.

import assert from "node:assert/strict";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, refused, textOf } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";

const SERVER = fileURLToPath(
  new URL("../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", import.meta.url),
);

describe("the TypeScript client writes a file through @modelcontextprotocol/server-filesystem", () => {
  let gateway, agent, admin, folder;

  before(async () => {
    gateway = await startGateway();
    folder = path.join(gateway.home, "files");
    await mkdir(folder);
    admin = await signIn(gateway);
    const config = { command: process.execPath, args: [SERVER, folder], env: { PATH: process.env.PATH } };
    await admin.offer({ connection: "files", kind: "stdio", config, toolkit: "files", permission: "needs_approval" });
    await admin.permit("files", "files", "read_text_file", "always_allow");
    agent = await connect(gateway.toolkit("files"), gateway.agentKey);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  it("finds the server's tools", async () => {
    const names = (await agent.listTools()).tools.map(({ name }) => name);
    for (const name of ["write_file", "read_text_file", "list_directory", "approval_status", "run_approved"]) {
      assert.ok(names.includes(name), `${name} is missing in ${names}`);
    }
  });

  it("writes only what was approved, once, and reads it back", async () => {
    const file = { path: path.join(folder, "hello.txt"), content: "one line, då\nand another ☕\n" };
    const { approval_id } = held(await call(agent, "write_file", file));
    assert.deepEqual(await readdir(folder), [], "nothing is written before a person decided");
    await admin.approve(approval_id);
    assert.deepEqual(await readdir(folder), [], "an approval waits for the agent");

    const written = await call(agent, "write_file", { content: file.content, path: file.path });
    assert.ok(!written.isError, textOf(written));
    assert.equal(await readFile(file.path, "utf8"), file.content);

    const read = await call(agent, "read_text_file", { path: file.path });
    assert.ok(!read.isError, textOf(read));
    assert.equal(textOf(read), file.content);
  });

  it("writes nothing that was rejected", async () => {
    const file = { path: path.join(folder, "secret.txt"), content: "no" };
    const { approval_id } = held(await call(agent, "write_file", file));
    await admin.reject(approval_id, "keep it to yourself");
    assert.ok(refused(await call(agent, "write_file", file)).includes("keep it to yourself"));
    assert.deepEqual(await readdir(folder), ["hello.txt"]);
  });

  it("passes on what the server itself refuses", async () => {
    const outside = await call(agent, "read_text_file", { path: path.join(gateway.home, "elsewhere.txt") });
    assert.equal(outside.isError, true);
    assert.match(textOf(outside), /access denied/i);
  });
});
