// One server at a time: asked by itself first, then as a stdio connection of a gateway, from the same state.

import { execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import path from "node:path";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResultSchema } from "@modelcontextprotocol/sdk/types.js";

import { connect } from "../lib/agent.mjs";
import { NODE } from "../lib/newer-node.mjs";

const START_MS = 120_000;
const CALL_MS = 60_000;
const MOST_PAGES = 50;
/** Two texts, a table, and a cluster that does not answer, for servers that read files. */
const FILES = {
  "hello.txt": "Hello, zoo.\nA second line.\n",
  "notes/other.md": "# Notes\n\nThe quick brown fox.\n",
  "table.csv": "animal,legs\nant,6\nowl,2\n",
  kubeconfig: JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "zoo", cluster: { server: "http://127.0.0.1:9" } }],
    users: [{ name: "zoe", user: {} }],
    contexts: [{ name: "zoo", context: { cluster: "zoo", user: "zoe" } }],
    "current-context": "zoo",
  }),
};
/** Nothing that a server writes depends on when it runs. */
const GIT = {
  GIT_AUTHOR_NAME: "Zoe",
  GIT_AUTHOR_EMAIL: "zoe@example.com",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
  GIT_COMMITTER_NAME: "Zoe",
  GIT_COMMITTER_EMAIL: "zoe@example.com",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

/** Makes the directory that a server works in as it was at first: files, and a repository of them. */
export async function furnish(work) {
  await rm(work, { recursive: true, force: true, maxRetries: 3 });
  await mkdir(path.join(work, "notes"), { recursive: true });
  await mkdir(path.join(work, "home"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(path.join(work, name), text);
  const git = (...args) => execFileSync("git", args, { cwd: work, env: { ...process.env, ...GIT }, stdio: "ignore" });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ...Object.keys(FILES));
  git("commit", "--quiet", "--message=The animals");
}

/** An API on the loopback for servers that can be pointed at one: whatever is asked, it answers the same. */
export async function startApi() {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"items":[],"results":[],"data":[],"total":0}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

/** How a server is started: `started` is what {@link install} gives, `values` are what its placeholders stand for. */
export function spec({ args = [], env = {} }, started, values) {
  const filled = (text) => text.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  return {
    command: started.command,
    args: [...started.args, ...args.map(filled)],
    cwd: values.work,
    env: {
      PATH: [started.bin, path.dirname(NODE), process.env.PATH].join(":"),
      HOME: path.join(values.work, "home"),
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
    },
  };
}

/** The calls of a server, with its placeholders filled in. */
export function callsOf({ calls = [] }, values) {
  const text = JSON.stringify(calls).replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  return JSON.parse(text);
}

/** Starts a server by itself, lists its tools and makes the calls; gives `{tools, answers, revision}`. */
export async function direct({ command, args, env, cwd }, calls) {
  const transport = new StdioClientTransport({ command, args, env, cwd, stderr: "pipe" });
  let said = "";
  transport.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-2000)));
  const client = new Client({ name: "permesso", version: "1.0.0" });
  let revision;
  transport.setProtocolVersion = (version) => (revision = version);
  try {
    await client.connect(transport, { timeout: START_MS });
    return { ...(await asked(client, calls)), revision };
  } catch (error) {
    const line = said.trim().split("\n").findLast((line) => /error|cannot|missing|required/i.test(line));
    throw new Error(`${error.message}${line ? `; it printed: ${line.trim().slice(0, 200)}` : ""}`);
  } finally {
    await client.close();
  }
}

/**
 * The same by way of the gateway, in a toolkit of which every tool is allowed. With the names that a strict client lists
 * there (`strict`), and those on the first page of a toolkit of which every tool needs approval (`first`).
 */
export async function through(gateway, admin, slug, config, calls) {
  await admin.offer({ connection: slug, kind: "stdio", config, toolkit: slug, permission: "always_allow" });
  const held = `${slug}-held`;
  await admin.acme("POST", "/toolkits", { slug: held, name: held, visibility: "private" });
  await admin.acme("POST", `/toolkits/${held}/tools`, { connection: slug, tools: "all", permission: "needs_approval" });
  const names = (tools) => tools.map(({ name }) => name);
  try {
    const found = await agentOf(gateway, slug, async (client) => {
      const answered = await asked(client, calls);
      return { ...answered, strict: names(await paged((cursor) => client.listTools({ cursor }))) };
    });
    const first = await agentOf(gateway, held, async (client) => names((await client.listTools()).tools));
    return { ...found, first };
  } finally {
    // Its process need not stay for those that follow.
    await admin.acme("PATCH", `/connections/${slug}`, { enabled: false });
  }
}

/** Has an agent do something in a toolkit. */
export async function agentOf(gateway, slug, work) {
  const agent = await connect(gateway.toolkit(slug), gateway.agentKey);
  try {
    return await work(agent);
  } finally {
    await agent.close();
  }
}

async function asked(client, calls) {
  // As it is sent: the client's own way to list takes members away that it does not know.
  const list = (cursor) => client.request({ method: "tools/list", params: { cursor } }, ResultSchema, { timeout: START_MS });
  const tools = await paged(list);
  const answers = [];
  for (const [name, args] of calls) answers.push(await called(client, name, args));
  return { tools, answers };
}

async function paged(list) {
  const tools = [];
  let cursor;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await list(cursor);
    tools.push(...page.tools);
    if (typeof page.nextCursor !== "string" || page.nextCursor === cursor) return tools;
    cursor = page.nextCursor;
  }
  throw new Error(`the list of tools has more than ${MOST_PAGES} pages`);
}

async function called(client, name, args) {
  try {
    const params = { name, arguments: args };
    return await client.request({ method: "tools/call", params }, ResultSchema, { timeout: CALL_MS });
  } catch (error) {
    return { error: { code: error.code, message: error.message } };
  }
}
