// One isolated `permesso dev` for one test file: its own port, its own data, gone afterwards.
//
// Nothing is shared with a gateway that a developer happens to run: settings of the surrounding
// shell are left out, and everything is written below one temporary directory. Stopping checks
// that no child (Postgres, an upstream) outlives the gateway.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const START_MS = 90_000;
const STOP_MS = 20_000;
const GUARD = fileURLToPath(new URL("guard.sh", import.meta.url));

/** The binary under test: PERMESSO_BIN, which run.sh sets, else this checkout's debug build. */
export const BINARY =
  process.env.PERMESSO_BIN ?? fileURLToPath(new URL("../../target/debug/permesso", import.meta.url));

/** Starts a gateway and waits until it says that it is ready; `settings` are variables of its own. */
export async function startGateway(settings = {}) {
  const home = await realpath(await mkdtemp(path.join(tmpdir(), "permesso-e2e-")));
  // Started by root, the embedded Postgres runs as another user, who has to reach its files.
  await chmod(home, 0o711);
  try {
    return new Gateway(home, settings, await started(home, { PERMESSO_LISTEN: "127.0.0.1:0", ...settings }));
  } catch (error) {
    await removed(home);
    throw error;
  }
}

async function started(home, settings) {
  const data = path.join(home, "data");
  const child = spawn(BINARY, ["dev"], {
    env: { ...surroundings(), ...settings, PERMESSO_DATA_DIR: data },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => log.push(text));
  }
  const exited = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  const unguard = guarded(child.pid, home);
  try {
    return { dev: await ready(data, exited), child, exited, unguard };
  } catch (error) {
    child.kill("SIGKILL");
    await exited;
    unguard();
    throw new Error(`${error.message}; it printed:\n${log.join("").slice(-4000)}`);
  }
}

/** A running gateway, with what its dev.json says. */
class Gateway {
  constructor(home, settings, { dev, child, exited, unguard }) {
    this.home = home;
    this.settings = settings;
    this.dev = dev;
    this.url = dev.url;
    this.mcpUrl = dev.mcp_url;
    this.adminEmail = dev.admin_email;
    this.adminPassword = dev.admin_password;
    this.agentKey = dev.agent_key;
    this.ledgerPath = dev.ledger;
    this.child = child;
    this.exited = exited;
    this.unguard = unguard;
  }

  /** The MCP endpoint of one of acme's toolkits. */
  toolkit(slug) {
    return `${this.url}/acme/${slug}/mcp`;
  }

  /** What the sample upstream has really done: `{runs, invoices}`. */
  async ledger() {
    try {
      return JSON.parse(await readFile(this.ledgerPath, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return { runs: {}, invoices: [] };
      throw error;
    }
  }

  /** The address of the Postgres that it has started, as its superuser. */
  async databaseUrl() {
    const home = path.join(this.home, "data/postgres");
    const password = (await readFile(path.join(home, "password"), "utf8")).trim();
    // postmaster.pid: the port stands on the fourth line.
    const port = (await readFile(path.join(home, "cluster/postmaster.pid"), "utf8")).split("\n")[3];
    return `postgres://postgres:${password}@127.0.0.1:${port}/postgres?sslmode=disable`;
  }

  /** How often the sample upstream has sent an invoice. */
  async invoicesSent() {
    return (await this.ledger()).runs.send_invoice ?? 0;
  }

  /** Runs `permesso …args` as the administrator. Never throws for an exit code: look at `code`. */
  cli(...args) {
    return this.#permesso(args, { PERMESSO_EMAIL: this.adminEmail, PERMESSO_PASSWORD: this.adminPassword });
  }

  /** The same as an agent, which has this key. */
  cliWith(key, ...args) {
    return this.#permesso(args, { PERMESSO_KEY: key });
  }

  #permesso(args, who) {
    const env = { ...surroundings(), PERMESSO_URL: this.url, ...who };
    return new Promise((resolve, reject) => {
      execFile(BINARY, args, { env, timeout: 30_000 }, (error, stdout, stderr) => {
        if (error && typeof error.code !== "number") reject(error);
        else resolve({ code: error?.code ?? 0, stdout, stderr });
      });
    });
  }

  /** Starts it again after {@link halt}: the same data, the same address. */
  async resume() {
    const listen = { PERMESSO_LISTEN: new URL(this.url).host };
    const { child, exited, unguard } = await started(this.home, { ...this.settings, ...listen });
    Object.assign(this, { child, exited, unguard });
  }

  /** Ends it as Ctrl-C does, checks that it took everything with it, and removes its data. */
  async stop() {
    try {
      await this.halt();
    } finally {
      await removed(this.home);
    }
  }

  /** Ends it as Ctrl-C does, and checks that it took everything with it but its data. */
  async halt() {
    try {
      this.child.kill("SIGINT");
      const code = await Promise.race([this.exited, sleep(STOP_MS, "timeout", { ref: false })]);
      if (code === "timeout") this.child.kill("SIGKILL");
      await this.exited;
      assert.notEqual(code, "timeout", `the gateway did not stop within ${STOP_MS} ms of SIGINT`);
      for (let tries = 0; (await orphans(this.home)).length > 0 && tries < 50; tries++) await sleep(100);
      assert.deepEqual(await orphans(this.home), [], "processes outlived the gateway");
    } finally {
      this.unguard();
    }
  }
}

async function ready(data, exited) {
  const deadline = Date.now() + START_MS;
  let ended;
  exited.then((code) => (ended = { code }));
  while (Date.now() < deadline) {
    if (ended) throw new Error(`${BINARY} dev ended (${ended.code}) before it was ready`);
    try {
      return JSON.parse(await readFile(path.join(data, "dev.json"), "utf8"));
    } catch (error) {
      // Absent, or read while it is being written.
      if (error.code !== "ENOENT" && !(error instanceof SyntaxError)) throw error;
    }
    await sleep(50);
  }
  throw new Error(`${BINARY} dev was not ready within ${START_MS} ms`);
}

/** Has the gateway ended if this process dies without; call what it gives once that is not needed. */
export function guarded(pid, home) {
  // Without a pid the binary could not be started, and there is nothing to guard.
  if (pid === undefined) return () => {};
  const guard = spawn("sh", [GUARD], {
    env: { PATH: process.env.PATH, GUARD_PID: pid, GUARD_DIRECTORY: home },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  return () => guard.stdin.writableEnded || guard.stdin.end("done\n");
}

/** The environment without anything that would point the gateway at data other than its own. */
export function surroundings() {
  const own = (name) => name === "DATABASE_URL" || /^PERMESSO_(?!POSTGRES)/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own(name)));
}

/** Command lines of living processes that name the directory. Empty where there is no /proc. */
async function orphans(directory) {
  const found = [];
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(directory)) found.push(line.replaceAll("\0", " ").trim());
  }
  return found;
}

function removed(directory) {
  return rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
