// The upstream that counts, and the org as the old version keeps it: people, toolkits, keys of every kind.

import { setTimeout as sleep } from "node:timers/promises";

import { sendJson, startUpstream } from "../lib/upstream.mjs";
import { Line } from "./agents.mjs";
import { Rest } from "./replica.mjs";

const SCHEMA = { type: "object", properties: { id: { type: "string" }, cents: { type: "integer" } }, required: ["id"] };
const ADMIN = ["admin@example.com", "an administrator's password"];

/** The settings that every replica of both versions has. */
export function settings(postgres) {
  return {
    DATABASE_URL: postgres.url,
    PERMESSO_MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
    PERMESSO_ADMIN_EMAIL: ADMIN[0],
    PERMESSO_ADMIN_PASSWORD: ADMIN[1],
    PERMESSO_EGRESS_ALLOW: "127.0.0.0/8",
    PERMESSO_APPROVAL_LEASE_SECONDS: "10",
    PERMESSO_LOG: "info",
  };
}

/** An upstream whose tools count by the id in their arguments; `hang` waits to be released, `vanish` breaks off. */
export class Counter {
  ran = new Map();
  hanging = [];

  static async start(names) {
    const counter = new Counter();
    counter.descriptions = new Map(names.map((name) => [name, "As it is."]));
    counter.upstream = await startUpstream({ tools: [], answer: (...told) => counter.answers(...told) });
    counter.offers();
    return counter;
  }

  get url() {
    return this.upstream.url;
  }

  /** Says something else of a tool from now on. */
  describes(name, description) {
    this.descriptions.set(name, description);
    this.offers();
  }

  offers() {
    const tools = [...this.descriptions].map(([name, description]) => ({ name, description, inputSchema: SCHEMA }));
    this.upstream.tools.splice(0, Infinity, ...tools.map((tool) => JSON.stringify(tool)));
  }

  async answers(name, body, rawId, response) {
    const { id } = JSON.parse(body).params.arguments;
    this.ran.set(id, (this.ran.get(id) ?? 0) + 1);
    // Nobody reads it when the gateway is not there any more.
    response.on("error", () => {});
    if (name === "vanish") return response.destroy();
    if (name === "hang") await new Promise((release) => this.hanging.push({ id, release }));
    else await sleep(Math.random() * 40);
    sendJson(response, rawId, JSON.stringify({ content: [{ type: "text", text: `ran ${id}` }] }));
  }

  /** Lets the calls go on that hang and whose id this is. */
  releases(id) {
    for (const call of this.hanging) if (call.id === id) call.release();
  }

  stop() {
    return this.upstream.stop();
  }
}

/** Makes the org by way of the old version; gives everybody in it. */
export async function furnish(front, counter) {
  const admin = await Rest.sign_in(front, ...ADMIN);
  for (const slug of ["acme", "other"]) await admin.call("POST", "/orgs", { slug, name: slug });
  const people = { admin };
  for (const [name, org, role] of [
    ["owner", "acme", "admin"],
    ["approver", "acme", "approver"],
    ["second", "acme", "approver"],
    ["leaver", "acme", "admin"],
    ["narrow", "acme", "admin"],
    ["guest", "other", "admin"],
  ]) {
    const login = [`${name}@example.com`, `${name} has a long password`];
    await admin.call("POST", `/orgs/${org}/members`, { email: login[0], password: login[1], role });
    people[name] = await Rest.sign_in(front, ...login);
  }
  await admin.acme("POST", "/roles", { name: "clerk", rights: ["tools:call", "toolkits:read", "approvals:read"] });
  for (const [slug, call_timeout_ms] of [
    ["work", 600_000],
    ["moved", 2_000],
    ["brittle", 2_000],
  ]) {
    const connection = { slug, kind: "streamable_http", config: { url: counter.url }, call_timeout_ms };
    await admin.acme("POST", "/connections", connection);
    await admin.acme("POST", `/connections/${slug}/refresh`);
  }
  for (const [slug, expires, visibility] of [
    ["load", 40, "private"],
    ["kept", 7200, "private"],
    ["brief", 10, "private"],
    ["open", 3600, "public"],
  ]) {
    await admin.acme("POST", "/toolkits", {
      slug,
      name: slug,
      visibility,
      approval_policy: { expires_after_seconds: expires },
    });
  }
  const permit = (toolkit, tool, permission, connection = "work") =>
    admin.acme("PUT", `/toolkits/${toolkit}/tools/${tool}`, { connection, tool, permission });
  await permit("load", "look", "always_allow");
  await permit("load", "pay", "needs_approval");
  await permit("load", "shut", "blocked");
  for (const tool of ["pay", "hang"]) await permit("kept", tool, "needs_approval");
  await permit("kept", "vanish", "needs_approval", "brittle");
  await permit("kept", "other", "needs_approval", "moved");
  for (const tool of ["look", "drift", "mixed"]) await permit("kept", tool, "always_allow");
  await permit("brief", "pay", "needs_approval");
  await permit("open", "look", "always_allow");
  await admin.acme("PUT", "/toolkits/kept/tools/look/policies/clerk", { permission: "blocked" });
  return { people, keys: await make_keys(people) };
}

/** Makes a key; gives `{name, id, prefix, key}`. */
async function make(person, name, more = {}, org = "acme") {
  const { id, prefix, key } = await person.call("POST", `/orgs/${org}/api-keys`, { name, role: "agent", ...more });
  return { name, id, prefix, key };
}

async function make_keys({ admin, owner, leaver, narrow, guest }) {
  const keys = [
    await make(owner, "ordinary", { hold_seconds: 0 }),
    await make(owner, "definitions", { hold_seconds: 0 }),
    await make(owner, "held for long", { hold_seconds: 30 }),
    await make(owner, "expires", { expires_at: new Date(Date.now() + 86_400_000).toISOString() }),
    await make(owner, "expired", { expires_at: new Date(Date.now() + 2_000).toISOString() }),
    await make(owner, "clerk", { role: "clerk" }),
    await make(owner, "approver", { role: "approver" }),
    await make(owner, "admin", { role: "admin" }),
    await make(admin, "the instance administrator's", { role: "admin" }),
    await make(leaver, "made by somebody who left", { owner: "owner@example.com" }),
    await make(narrow, "wider than its owner", { role: "admin" }),
    { ...(await make(guest, "guest", {}, "other")), toolkit: "open" },
  ];
  const revoked = await make(owner, "revoked");
  await owner.acme("DELETE", `/api-keys/${revoked.id}`);
  keys.push(revoked);
  for (const [name, by, overlap_seconds] of [
    ["rotated with overlap", owner, 86_400],
    ["rotated without", owner, 0],
    ["rotated by somebody who left", leaver, 86_400],
  ]) {
    const before = await make(owner, name);
    const { key } = await by.acme("POST", `/api-keys/${before.id}/rotate`, { overlap_seconds });
    keys.push({ ...before, name: `${name}: before` }, { ...before, key, name: `${name}: since` });
  }
  const members = await admin.all("/members");
  const id_of = (name) => members.find(({ email }) => email === `${name}@example.com`).id;
  await admin.acme("DELETE", `/members/${id_of("leaver")}`);
  await admin.acme("PATCH", `/members/${id_of("narrow")}`, { role: "approver" });
  // Until the last of them has expired, and every replica knows it.
  await sleep(3_000);
  return keys;
}

/** What each key can do at a replica: a text for each, to compare. */
export async function probe(book, front, replica, keys) {
  const found = {};
  for (const { name, key, toolkit = "kept" } of keys) {
    const line = new Line(front, book, `/acme/${toolkit}`, key);
    const id = `probe-${name}-${Math.random()}`;
    const { result, status, missed } = await line.call("look", { id }, { at: replica });
    const said = result ? (result.isError ? "refused" : result.content[0].text.replace(id, "it")) : (status ?? missed);
    const rest = [];
    for (const path of ["approvals", "audit", "api-keys", "members", "connections", "toolkits"]) {
      const answer = await replica.ask("GET", `/api/v1/orgs/acme/${path}`, { token: key });
      rest.push(`${path} ${answer.status ?? answer.fault}`);
    }
    found[name] = `look: ${said}, ${rest.join(", ")}`;
  }
  return found;
}
