// Somebody opens an agent's address in a browser and does what the page says, from a key to a client that
// works: what stands there is copied as people copy it, and run as it is.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe } from "node:test";

import { connectWith } from "../lib/agent.mjs";
import { tells } from "../lib/browser.mjs";
import { BINARY, startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { INSPECTOR, NODE } from "../lib/newer-node.mjs";

const CLIENTS = ["Claude Code", "Cursor", "VS Code", "Codex", "MCP Inspector", "Another client"];
const OFFERED = ["list_invoices", "send_invoice"];

describe("the page at an agent's address", () => {
  let gateway, home, key;

  before(async () => {
    gateway = await startGateway();
    home = await mkdtemp(path.join(tmpdir(), "permesso-connecting-"));
    await symlink(BINARY, path.join(home, "permesso"));
    // Programs that the page has people run, and that are not here: these show what the shell gave them.
    for (const name of ["claude", "code", "codex"]) await program(name, `printf '%s\\n' "$@"`);
    // What it would download is installed already.
    await program("npx", `[ "$1" = @modelcontextprotocol/inspector ] && shift && exec '${NODE}' '${INSPECTOR}' "$@"`);
  });
  after(async () => {
    await gateway?.stop();
    if (home) await rm(home, { recursive: true, force: true });
  });

  tells("shows each client its way, to people with any window", async (people) => {
    const { page, ...kim } = await opens(people);
    await look({ page, ...kim }, "connect");
    assert.deepEqual(await page.locator("section h2").allInnerTexts(), [...CLIENTS, "Or let a command do it"]);
    assert.deepEqual(await page.locator("nav a").allInnerTexts(), CLIENTS);
    for (const name of CLIENTS) {
      await page.getByRole("navigation", { name: "Clients" }).getByRole("link", { name, exact: true }).click();
      const box = await page.locator(":target").boundingBox();
      const bar = await page.getByRole("banner").boundingBox();
      assert.ok(box.y >= bar.height, `${name} is not hidden below the bar`);
    }
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.locator("pre").evaluateAll((blocks) => blocks.filter((b) => b.scrollWidth > b.clientWidth).length);
    assert.equal(wide, 0, "nothing to copy runs over its edge");
  });

  tells("is the same, to the byte, where there is no toolkit and where there is no organization", async (people) => {
    const { page } = await opens(people);
    const said = async (org, toolkit) => {
      const answer = await page.request.get(`/${org}/${toolkit}/mcp`, { headers: { accept: "text/html" } });
      const { date, "x-request-id": _, ...headers } = answer.headers();
      assert.ok(date);
      const text = (await answer.body()).toString("latin1");
      return [answer.status(), headers, text.replaceAll(toolkit, "TOOLKIT").replaceAll(org, "ORG")];
    };
    const there = await said("acme", "ledger");
    assert.equal(there[0], 200);
    assert.deepEqual(await said("acme", "xyzzyx"), there);
    assert.deepEqual(await said("qqqq", "ledger"), there);
  });

  tells("leads to a key", async (people) => {
    const { page } = await opens(people);
    const [make, keep] = await copied(page, "main > pre");
    key = (await runs(make.replace("you@example.com", gateway.adminEmail))).trim();
    assert.match(key, /^mmcp_[0-9A-Za-z]{49}$/);
    // For somebody at a keyboard: the shells that most people have take it.
    assert.equal(await runs(`${keep} && sh -c 'printf %s "$PERMESSO_KEY"'`, { shell: "bash", input: `${key}\n` }), key);
  });

  tells("leads from each configuration file to a client that works", async (people) => {
    const { page } = await opens(people);
    const found = [];
    for (const block of await copied(page, "section pre")) {
      if (!block.startsWith("{")) continue;
      const { mcpServers, servers = mcpServers } = JSON.parse(block);
      const { url, headers } = servers["permesso-ledger"];
      const { Authorization, ...others } = headers;
      assert.deepEqual(others, {});
      found.push(Authorization);
      await works(url, Authorization.replace(/\$\{.*\}|mmcp_…/, key));
    }
    assert.deepEqual(found, [
      "Bearer ${PERMESSO_KEY}",
      "Bearer ${env:PERMESSO_KEY}",
      "Bearer ${input:permesso-key}",
      "Bearer mmcp_…",
    ]);
  });

  tells("leads from each command to a client that works", async (people) => {
    const { page } = await opens(people);
    const [project, , user] = await copied(page, "#claude-code pre");
    const added = ["mcp", "add", "--transport", "http", "--scope"];
    const rest = (header) => ["permesso-ledger", gateway.mcpUrl, "--header", `Authorization: Bearer ${header}`];
    assert.deepEqual(await given(project), [...added, "project", ...rest("${PERMESSO_KEY}")], "the key stays out of it");
    assert.deepEqual(await given(user), [...added, "user", ...rest(key)]);

    const [file, command] = await copied(page, "#vscode pre");
    const [option, definition] = await given(command);
    assert.equal(option, "--add-mcp");
    const { name, inputs, ...server } = JSON.parse(definition);
    assert.deepEqual({ inputs, servers: { [name]: server } }, JSON.parse(file));

    const [codex] = await copied(page, "#codex pre");
    const expected = ["mcp", "add", "permesso-ledger", "--url", gateway.mcpUrl, "--bearer-token-env-var", "PERMESSO_KEY"];
    assert.deepEqual(await given(codex), expected);

    const [inspector] = await copied(page, "#inspector pre");
    const { tools } = JSON.parse(await runs(inspector));
    assert.deepEqual(offered(tools), OFFERED);

    const [written] = await copied(page, "section:last-of-type pre");
    await runs(written);
    const [, byHand] = await copied(page, "#claude-code pre");
    assert.deepEqual(JSON.parse(await readFile(path.join(home, ".mcp.json"), "utf8")), JSON.parse(byHand));
  });

  tells("leads from the bare address and header to a client that works", async (people) => {
    const { page } = await opens(people);
    const [address] = await copied(page, ".address");
    const [header, curl] = await copied(page, "#other pre");
    const [name, value] = header.split(": ");
    assert.equal(name, "Authorization");
    await works(address, value.replace("mmcp_…", key));
    const { result } = JSON.parse(await runs(curl));
    assert.deepEqual(offered(result.tools), OFFERED);
  });

  async function opens(people) {
    const kim = await people.stranger(gateway);
    await kim.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await kim.goes(gateway.mcpUrl);
    return kim;
  }

  function program(name, script) {
    return writeFile(path.join(home, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** What a program was given by the shell. */
  async function given(command) {
    return (await runs(command)).trimEnd().split("\n");
  }

  /** Runs a command in an empty directory with the key, and answers what it prints. */
  function runs(command, { shell = "sh", input = "" } = {}) {
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("PERMESSO_"));
    const env = {
      ...Object.fromEntries(kept),
      HOME: home,
      PATH: `${home}:${process.env.PATH}`,
      PERMESSO_PASSWORD: gateway.adminPassword,
      ...(key && { PERMESSO_KEY: key }),
    };
    return new Promise((resolve, reject) => {
      const child = execFile(shell, ["-c", command], { cwd: home, env, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${command}: ${error.message}\n${stdout}${stderr}`));
        else resolve(stdout);
      });
      // A program that has ended without reading it is told by its exit code.
      child.stdin.on("error", () => {}).end(input);
    });
  }
});

/** What people have after a click on each of these and Ctrl-C. */
async function copied(page, selector) {
  const texts = [];
  for (const block of await page.locator(`${selector} code`).all()) {
    await block.click();
    await page.keyboard.press("Control+C");
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(text, await block.textContent(), "a copy has the whole of it and nothing else");
    texts.push(text);
  }
  assert.notDeepEqual(texts, []);
  return texts;
}

/** Checks that the official client finds the sample's tools there. */
async function works(url, authorization) {
  const client = await connectWith(url, { Authorization: authorization });
  try {
    const { tools } = await client.listTools();
    assert.deepEqual(offered(tools), OFFERED);
  } finally {
    await client.close();
  }
}

/** The names of an upstream's tools, without the gateway's own. */
function offered(tools) {
  const own = ["approval_status", "run_approved"];
  return tools.map(({ name }) => name).filter((name) => !own.includes(name));
}
