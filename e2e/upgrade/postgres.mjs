// A Postgres for one run: in a directory of its own, reached by a socket in it, gone afterwards.

import { execFileSync, spawn } from "node:child_process";
import { chmod, cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { guarded } from "../lib/gateway.mjs";

const START_MS = 60_000;

/** Makes and starts one from the binaries in PERMESSO_POSTGRES_BIN; gives `{home, url, stop}`. */
export async function startPostgres() {
  let bin = process.env.PERMESSO_POSTGRES_BIN;
  if (!bin) throw new Error("PERMESSO_POSTGRES_BIN is not set: `./just upgrade` sets it");
  const home = await realpath(await mkdtemp(path.join(tmpdir(), "permesso-upgrade-")));
  try {
    await chmod(home, 0o711);
    // Postgres refuses root, and must be able to read what it runs.
    const as = process.getuid() === 0 ? other() : [];
    if (as.length > 0 && !bin.startsWith("/usr/")) {
      await cp(path.join(bin, ".."), path.join(home, "postgres"), { recursive: true, dereference: true });
      bin = path.join(home, "postgres/bin");
    }
    const data = path.join(home, "data");
    run([...as, "mkdir", "-m", "700", data], as.length > 0 ? home : undefined);
    run([
      ...as,
      path.join(bin, "initdb"),
      "-D",
      data,
      "-U",
      "postgres",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--locale=C.UTF-8",
      "--no-sync",
    ]);
    const settings = { listen_addresses: "", unix_socket_directories: data, max_connections: 300, fsync: "off" };
    const [program, ...args] = [...as, path.join(bin, "postgres"), "-D", data];
    for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
    const child = spawn(program, args, { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
    const log = [];
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => log.push(text));
    const exited = new Promise((resolve) => child.once("exit", resolve));
    const unguard = guarded(child.pid, home);
    for (const deadline = Date.now() + START_MS; !log.join("").includes("ready to accept connections");) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`Postgres did not start:\n${log.join("")}`);
      await sleep(50);
    }
    const stop = async () => {
      child.kill("SIGINT");
      await exited;
      unguard();
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    };
    return { home, url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(data)}`, log, stop };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** What runs a program as somebody who is not root. */
function other() {
  const user = ["postgres", "nobody"].find((name) => succeeds(["id", "-u", name]));
  const group = execFileSync("id", ["-g", user], { encoding: "utf8" }).trim();
  return ["setpriv", `--reuid=${user}`, `--regid=${group}`, "--clear-groups"];
}

function succeeds([program, ...args]) {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Runs to the end; where `open` is a directory, anybody may write into it meanwhile. */
function run([program, ...args], open) {
  if (open) execFileSync("chmod", ["1777", open]);
  execFileSync(program, args, { cwd: "/", stdio: ["ignore", "ignore", "inherit"] });
  if (open) execFileSync("chmod", ["711", open]);
}
