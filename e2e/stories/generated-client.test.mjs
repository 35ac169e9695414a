// A client that nobody here wrote: made by openapi-typescript from the document that the gateway serves, as it is. The
// TypeScript compiler checks what is done with it, and then it is done.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";

const MODULES = fileURLToPath(new URL("../node_modules", import.meta.url));
const CLIENT = fileURLToPath(new URL("../clients/generated/client.ts", import.meta.url));
const STRICT = { strict: true, skipLibCheck: true, types: [] };
const COMPILER = {
  compilerOptions: { target: "es2022", module: "nodenext", lib: ["es2022", "dom"], ...STRICT },
  files: ["client.ts"],
};

describe("a client made from the OpenAPI document", () => {
  let gateway, admin, folder, client, agent;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
    folder = path.join(gateway.home, "client");
    await mkdir(folder);
    await symlink(MODULES, path.join(folder, "node_modules"));
    await copyFile(CLIENT, path.join(folder, "client.ts"));
    await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(COMPILER));
  });
  after(() => gateway?.stop());

  it("is made, and what is done with it compiles", async () => {
    await runs("openapi-typescript/bin/cli.js", `${gateway.url}/api/v1/openapi.json`, "--output", "permesso.ts");
    await runs("typescript/bin/tsc");
    client = await import(pathToFileURL(path.join(folder, "client.js")));
    agent = client.connect(gateway.url, gateway.agentKey);
  });

  it("lists the tools that it may call", async () => {
    const found = await client.tools(agent);
    assert.deepEqual(
      found.map(({ toolkit, name, permission }) => `${toolkit} ${name} ${permission}`),
      ["ledger list_invoices always_allow", "ledger send_invoice needs_approval"],
    );
    assert.equal(found[1].input_schema.properties.amount_cents.type, "integer");
  });

  it("calls an allowed tool", async () => {
    const said = await client.call(agent, "ledger", { tool: "list_invoices" });
    assert.equal(client.next(said.status), "done");
    assert.deepEqual(said.result.structuredContent, { invoices: [] });
  });

  it("asks, waits for a person, and runs it once", async () => {
    const held = await client.sendInvoice(agent, "Grace", 700);
    assert.equal(client.next(held.status), "wait");
    const waiting = client.stands(agent, "ledger", held.approval_id);
    await admin.approve(held.approval_id);
    assert.equal(client.next((await waiting).status), "run");
    assert.equal((await client.run(agent, "ledger", held.approval_id)).customer, "Grace");
    assert.equal((await client.run(agent, "ledger", held.approval_id)).customer, "Grace");
    assert.equal(await gateway.invoicesSent(), 1);
  });

  it("is told what is wrong", async () => {
    assert.deepEqual(await client.sendInvoice(agent, "Grace", -1), { code: "invalid", fields: ["/arguments/amount_cents"] });
    assert.deepEqual(await client.call(agent, "ledger", { tool: "no_such_tool" }), { code: "unknown_tool", fields: [] });
    assert.deepEqual(await client.call(agent, "spoons", { tool: "stir" }), { code: "not_found", fields: [] });
  });

  /** Runs a program of a package in the client's folder. */
  async function runs(program, ...args) {
    const options = { cwd: folder, timeout: 120_000 };
    try {
      await promisify(execFile)(process.execPath, [path.join(MODULES, program), ...args], options);
    } catch (error) {
      throw new Error(`${program}: ${error.message}\n${error.stdout}${error.stderr}`);
    }
  }
});
