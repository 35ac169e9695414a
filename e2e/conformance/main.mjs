// The official conformance suite against a gateway with the suite's own tools behind it.
//
//   node conformance/main.mjs [summary]
//
// Writes `passed failed` to the file that is named, and prints a line for each scenario; what went wrong
// follows. SCENARIOS in the environment, if set, is a regular expression for those to run.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

import { keyMaker, signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { CONFORMANCE, NODE } from "../lib/newer-node.mjs";
import { APPLICABLE, CHANGES_THE_LIST, NOT_APPLICABLE } from "./scenarios.mjs";
import { startShim } from "./shim.mjs";
import { HELD, startFixtures } from "./upstream.mjs";

const BASELINE = fileURLToPath(new URL("baseline.yml", import.meta.url));
const AT_ONCE = 4;

const known = (await suite("list", "--server")).output.matchAll(/^ {2}- (\S+)/gm);
const unsorted = [];
for (const [, name] of known) {
  const reason = NOT_APPLICABLE.find(([pattern]) => pattern.test(name))?.[1];
  if (reason) console.log(`–  ${name}: ${reason}`);
  else if (!APPLICABLE[name]) unsorted.push(name);
}
for (const name of unsorted) console.log(`✗  ${name}: nobody has said whether it applies`);

const gateway = await startGateway();
const admin = await signIn(gateway);
let listed = true;
const upstream = await startFixtures({
  change() {
    listed = !listed;
    return admin.permit("fixtures", "fixtures", "comes_and_goes", listed ? "always_allow" : "blocked");
  },
});
const results = await mkdtemp(path.join(tmpdir(), "permesso-conformance-"));
let approving;
let failed = unsorted.length;
let passed = 0;
try {
  await admin.offer({
    connection: "fixtures",
    kind: "streamable_http",
    config: { url: upstream.url },
    toolkit: "fixtures",
    permission: "always_allow",
  });
  for (const tool of HELD) await admin.permit("fixtures", "fixtures", tool, "needs_approval");
  approving = setInterval(() => approveEverything().catch(() => {}), 200);
  const key = await keyMaker(gateway);
  const runs = Object.entries(APPLICABLE)
    .filter(([name]) => new RegExp(process.env.SCENARIOS ?? "").test(name))
    .flatMap(([name, revisions]) => revisions.map((revision) => ({ name, revision })));
  // First and alone: to the others, a list that changes between two readings is a fault.
  for (const run of runs.filter(({ name }) => CHANGES_THE_LIST.has(name))) await one(run, key);
  const rest = runs.filter(({ name }) => !CHANGES_THE_LIST.has(name));
  const worker = async () => {
    for (let run = rest.shift(); run; run = rest.shift()) await one(run, key);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
} finally {
  clearInterval(approving);
  await gateway.stop();
  await upstream.stop();
  await rm(results, { recursive: true, force: true });
}
if (process.argv[2]) await writeFile(process.argv[2], `${passed} ${failed}\n`);
process.exit(failed > 0 ? 1 : 0);

async function one({ name, revision }, key) {
  // A key of its own: what one scenario has had done would be replayed to the next.
  const shim = await startShim(gateway.toolkit("fixtures"), await key(`${name} ${revision}`));
  // Extensions belong to no revision: without force they are skipped.
  const where = ["--url", shim.url, "--scenario", name, "--spec-version", revision, "--force"];
  const how = ["--expected-failures", BASELINE, "--output-dir", path.join(results, `${name}-${revision}`)];
  const { code, output } = await suite("server", ...where, ...how);
  await shim.stop();
  // What it skips whole is no failure to it either.
  if (code === 0 && /Passed: [1-9]/.test(output)) {
    passed++;
    console.log(`✓  ${name} ${revision}`);
  } else {
    failed++;
    console.log(`✗  ${name} ${revision}\n${wrong(output)}`);
  }
}

/** The person who has to be asked is in a hurry, but not so much that a task is done before it is one. */
async function approveEverything() {
  const { items } = await admin.acme("GET", "/approvals?status=pending&limit=200");
  const seen = items.filter(({ created_at }) => Date.now() - Date.parse(created_at) > 1_000);
  await Promise.all(seen.map(({ id }) => admin.approve(id)));
}

/** What the suite says went wrong, without what it says of everything else. */
function wrong(output) {
  const lines = stripVTControlCharacters(output).split("\n");
  const told = lines.filter((line) => /FAILURE|^ +Error:|expected|^ +✗/.test(line));
  return (told.length > 0 ? told : lines).map((line) => `   ${line.trim()}`).join("\n");
}

/** Runs the suite's command line. */
function suite(...args) {
  return new Promise((resolve) => {
    execFile(NODE, [CONFORMANCE, ...args], { timeout: 90_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? "killed") : 0, output: `${stdout}${stderr}` });
    });
  });
}
