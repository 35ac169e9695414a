// Every official client in every situation that a call can get into, as a table.
//
//   node clients/main.mjs [summary]
//
// Writes `passed failed` to the file that is named. Lines are clients, columns are cases.mjs; what a
// client cannot do whatever the server does is no failure, and the footnote says why. CLIENTS and CASES
// in the environment, if set, are regular expressions for names: only those are tried.
//
// All clients call one gateway at once, each by a key of its own; what ran is counted in the file that
// the sample upstream keeps.

import { writeFile } from "node:fs/promises";

import { keyMaker, signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { sendJson, startUpstream } from "../lib/upstream.mjs";
import { Agent } from "./agent.mjs";
import { Approver } from "./approver.mjs";
import { CASES } from "./cases.mjs";
import { CLIENTS } from "./clients.mjs";
import { PAY, PAY_APPROVED, startPayments } from "./payments.mjs";
import { FAILED, PASSED, print } from "./table.mjs";

// Cases that compute: more at once only make clients with little patience wait for the processor.
const AT_ONCE = 8;
// A decision reaches a waiting call in milliseconds, and a task by when it is asked about again; the
// rest is for a machine that does much else.
const SOON_MS = 15_000;
const TASK_SOON_MS = 20_000;
const CASE_MS = 150_000;
const MISCOUNT = JSON.stringify({
  name: "miscount",
  description: "Answers with something other than it promises.",
  inputSchema: { type: "object" },
  outputSchema: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
});

const chosen = (all, name, words) => all.filter((one) => new RegExp(words ?? "").test(name(one)));
const clients = chosen(CLIENTS, ({ name, era }) => `${name} ${era}`, process.env.CLIENTS);
const cases = chosen(CASES, ({ id }) => id, process.env.CASES);

const upstream = await startUpstream({
  tools: [MISCOUNT],
  answer: (_name, _body, id, response) => sendJson(response, id, '{"content":[],"structuredContent":{"count":"many"}}'),
});
const payments = await startPayments();
const gateway = await startGateway();
let failed;
try {
  const scene = await prepare();
  const rows = await Promise.all(clients.map((client) => row(scene, client)));
  print(cases, rows);
  const cells = rows.flatMap(({ cells }) => cells);
  const count = (mark) => cells.filter((cell) => cell.mark === mark).length;
  failed = count(FAILED);
  if (process.argv[2]) await writeFile(process.argv[2], `${count(PASSED)} ${failed}\n`);
} finally {
  await gateway.stop();
  await upstream.stop();
  await payments.stop();
}
process.exit(failed > 0 ? 1 : 0);

/** What all share; one toolkit has requests that expire soon. */
async function prepare() {
  const admin = await signIn(gateway);
  const brief = { slug: "brief", name: "Brief", visibility: "private", approval_policy: { expires_after_seconds: 10 } };
  await admin.acme("POST", "/toolkits", brief);
  await admin.acme("POST", "/toolkits/brief/tools", {
    connection: "ledger",
    tools: "all",
    permission: "needs_approval",
  });
  for (const [slug, { url }] of Object.entries({ odd: upstream, payments })) {
    await admin.acme("POST", "/connections", { slug, kind: "streamable_http", config: { url } });
    await admin.acme("POST", `/connections/${slug}/refresh`);
  }
  await admin.acme("POST", "/toolkits", { slug: "open", name: "Open", visibility: "private" });
  await admin.permit("open", "odd", "miscount", "always_allow");
  await admin.permit("open", "ledger", "list_invoices", "always_allow");
  await admin.permit("ledger", "odd", "miscount", "always_allow");
  await admin.permit("ledger", "payments", PAY, "always_allow");
  await admin.permit("ledger", "payments", PAY_APPROVED, "needs_approval");
  return { gateway, payments, approver: new Approver(admin), key: await keyMaker(gateway), turn: turns(AT_ONCE) };
}

/** Has one client do everything, most of it at once. */
async function row(scene, { name, era, cannot, alwaysTasks, start, missing }) {
  const label = `${name} ${era}`;
  const keys = { plain: await scene.key(label), short: await scene.key(`${label} (short)`, { hold_seconds: 4 }) };
  const connect = () => start(keys);
  const absent = missing();
  if (absent.length > 0) throw new Error(`${label}: there is no ${absent.join(", ")}`);
  const soon = alwaysTasks ? TASK_SOON_MS : SOON_MS;
  const driver = connect();
  const cell = async ({ id, settings, run, long, brief }) => {
    if (cannot[id]) return { mark: "–", why: cannot[id] };
    const url = gateway.toolkit(brief ? "brief" : "ledger");
    const agent = new Agent(scene, driver, { label: `${label} / ${id}`, settings, url });
    const tried = () => limited(run(agent, { era, alwaysTasks, soon, approver: scene.approver, connect }));
    const began = Date.now();
    try {
      await (long ? tried() : scene.turn(tried));
      return { mark: PASSED, ms: Date.now() - began };
    } catch (error) {
      return { mark: FAILED, error, ms: Date.now() - began };
    }
  };
  const cells = await Promise.all(cases.map(cell));
  await driver.stop();
  return { label, cells };
}

/** Gives up on a client that never answers. */
function limited(work) {
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${CASE_MS} ms`)), CASE_MS);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

/** Runs what it is given, at most `most` at the same time, in the order of asking. */
function turns(most) {
  const waiting = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
