// Published MCP servers of many makers, each by itself and by way of one gateway: does the gateway change anything?
//
//   zoo/run.sh [--install] [--summary=FILE] [name ...]      the servers with these names; all of them unless given
//
// servers.json is the list: packages at exact versions, how each is started, and calls that need no network and no account.
// A line of the table says whether the server starts, whether the gateway lists the same tools as the server itself, but for
// what docs/approvals.md says it changes, and whether it answers the same; of servers that write their definitions another way
// each time they start also whether that lasts over restarts and replicas of the gateway. Servers that cannot start on such a
// machine stand below with the reason, and are not tried. `--install` only installs; `passed failed` is written to the file that
// is named. The exit code is 0 only if every line holds.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { compareAnswers, compareTools } from "./compare.mjs";
import { install } from "./install.mjs";
import { callsOf, direct, furnish, spec, startApi, through } from "./keeper.mjs";
import { lasts } from "./lasts.mjs";

/** For servers that look at pages; without one they say so, to both sides alike. */
const CHROMIUM = process.env.PERMESSO_CHROMIUM ?? "/usr/bin/chromium";

const names = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const only_install = process.argv.includes("--install");
const summary = process.argv.find((word) => word.startsWith("--summary="))?.slice("--summary=".length);
const { before, servers: all } = JSON.parse(await readFile(new URL("servers.json", import.meta.url), "utf8"));
const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
if (chosen.length === 0) throw new Error(`servers.json has no ${names.join(" and no ")}`);
const servers = chosen.filter(({ cannot }) => !cannot);

const rows = [];
if (only_install) for (const server of servers) rows.push(await installed(server));
else await visit();
const failed = print();
if (summary) await writeFile(summary, `${rows.length - failed} ${failed}\n`);
process.exit(failed > 0 ? 1 : 0);

async function visit() {
  const gateway = await startGateway();
  const api = await startApi();
  const home = await realpath(await mkdtemp(path.join(tmpdir(), "permesso-zoo-")));
  try {
    for (const server of servers) {
      // What restarts the gateway gives its database another address.
      const postgres = await gateway.databaseUrl();
      const values = { work: path.join(home, server.name), api: api.url, postgres, chromium: CHROMIUM };
      const row = await seen(server, { gateway, admin: await signIn(gateway), values });
      rows.push(row);
      console.error(`${mark(row.holds)} ${server.name} (${Math.round(row.ms / 1000)} s)`);
    }
  } finally {
    await gateway.stop();
    await api.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function installed(server) {
  try {
    await install(server, before);
    console.error(`✓ ${server.name}`);
    return { server, holds: true, notes: [] };
  } catch (error) {
    console.error(`✗ ${server.name}`);
    return { server, holds: false, notes: [`cannot be installed: ${error.message}`] };
  }
}

/** What becomes of one server; never throws. */
async function seen(server, { gateway, admin, values }) {
  const row = { server, notes: [], holds: false };
  const began = Date.now();
  try {
    const started = await install(server, before).catch((error) => {
      throw new Error(`cannot be installed: ${error.message}`);
    });
    const config = spec(server, started, values);
    const calls = callsOf(server, values);
    await furnish(values.work);
    const alone = await direct(config, calls).catch((error) => {
      throw new Error(`does not start by itself: ${error.message}`);
    });
    row.revision = alone.revision;
    await furnish(values.work);
    const behind = await through(gateway, admin, server.name, config, calls).catch((error) => {
      row.starts = false;
      throw new Error(`behind the gateway: ${error.problem?.detail ?? error.message}`);
    });
    row.starts = true;
    const { same, left_out, wrong } = compareTools(alone.tools, behind, server.mask);
    row.tools = wrong.length === 0;
    row.count = same;
    if (left_out.length > 0) row.notes.push(`not listed, as no client can read it: ${left_out.join(", ")}`);
    row.notes.push(...wrong);
    const made = calls.map(([name], i) => ({ name, one: alone.answers[i], other: behind.answers[i] }));
    const told = made.filter(({ name }) => !left_out.includes(name));
    const differ = told.flatMap(({ name, one, other }) => {
      const difference = compareAnswers(one, other, server.mask);
      return difference ? [`${name}: ${difference}`] : [];
    });
    if (told.length > 0) row.calls = differ.length === 0;
    row.notes.push(...differ);
    if (server.restarts) row.lasts = await outlives(row, gateway, server.name, calls);
    row.holds = row.tools && row.calls !== false && row.lasts !== false;
  } catch (error) {
    row.notes.push(error.message);
  }
  row.ms = Date.now() - began;
  return row;
}

/** Whether it stays the same over restarts and replicas of the gateway. */
async function outlives({ notes }, gateway, slug, calls) {
  try {
    await lasts(gateway, slug, calls);
    return true;
  } catch (error) {
    notes.push(error.message);
    return false;
  }
}

function print() {
  const wide = Math.max(...chosen.map(({ name }) => name.length));
  const line = (...cells) => console.log(cells.join("  ").trimEnd());
  if (!only_install) {
    line(`\n${"".padEnd(wide)}`, "starts", "tools", "calls", "lasts", "revision  ", "package");
    for (const { server, starts, tools, count, calls, lasts, revision = "" } of rows) {
      const counted = `${mark(tools)} ${count ?? ""}`.padEnd(5);
      const cells = [mark(starts).padEnd(6), counted, mark(calls).padEnd(5), mark(lasts).padEnd(5), revision.padEnd(10)];
      line(server.name.padEnd(wide), ...cells, `${server.package} ${server.version}, ${server.maker}`);
    }
  }
  for (const { server, notes } of rows) for (const note of notes) line(`\n${server.name}: ${note.replace(/\s+/g, " ").slice(0, 700)}`);
  const cannot = chosen.filter((server) => server.cannot);
  if (cannot.length > 0) line("\nnot tried, since they cannot start on such a machine:");
  for (const server of cannot) line(`  ${server.name}: ${server.cannot}`);
  const failed = rows.filter(({ holds }) => !holds).length;
  line(`\n${rows.length - failed} passed, ${failed} failed`);
  return failed;
}

function mark(holds) {
  if (holds === undefined) return "–";
  return holds ? "✓" : "✗";
}
