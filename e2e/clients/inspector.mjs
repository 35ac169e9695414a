// The inspector's command line, one process for each call, with what driver.mjs promises.
//
// It cannot take another name than the one that the gateway knows, so a key of another hold time stands
// for one that it does not know. Nor can it be made less patient than 60 s. It tells no progress and no
// state of a task, and lists the tools before each call.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { INSPECTOR, NODE } from "../lib/newer-node.mjs";

const KNOWN = "cursor";

export class Inspector {
  /** `keys.plain` is the caller's; `keys.short` one whose calls are held as those of unknown names. */
  constructor({ keys, era }) {
    this.keys = keys;
    this.era = era;
    this.children = new Set();
    this.home = mkdtemp(path.join(tmpdir(), "permesso-inspector-"));
    this.runs = 0;
  }

  async ask({ do: verb, tool, arguments: args, ...settings }) {
    const method = verb === "list" ? ["tools/list"] : ["tools/call", "--tool-name", tool];
    if (verb !== "list") method.push("--tool-args-json", JSON.stringify(args));
    const answer = await this.#run(await this.#configured(settings), method);
    return verb === "list" ? { tools: answer.tools, version: this.era } : { result: answer, progress: [] };
  }

  async #configured({ url, as }) {
    const file = path.join(await this.home, `${++this.runs}.json`);
    const server = {
      type: "streamable-http",
      url,
      headers: { Authorization: `Bearer ${as === KNOWN ? this.keys.plain : this.keys.short}` },
      protocolEra: this.era === "2026-07-28" ? "modern" : "legacy",
    };
    await writeFile(file, JSON.stringify({ mcpServers: { permesso: server } }));
    return file;
  }

  async #run(config, method) {
    const home = await this.home;
    const args = [INSPECTOR, "--cli", "--config", config, "--server", "permesso", "--format", "json", "--quiet"];
    const child = spawn(NODE, [...args, "--stored-auth-only", "--method", ...method], {
      // It keeps secrets in its home: they are for this run only.
      env: { ...process.env, HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.add(child);
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => (said[stream] += text));
    }
    const [code, signal] = await once(child, "close");
    // Killed: who still waits for an answer hears nothing.
    if (!this.children.delete(child)) return new Promise(() => {});
    // It exits with 5 for a result that is an error, which is a result all the same.
    try {
      const { result } = JSON.parse(said.stdout);
      if (result) return result;
    } catch {
      // Not an answer.
    }
    throw new Error(`the inspector ended (${signal ?? code}): ${said.stderr.slice(-2000)}${said.stdout.slice(-2000)}`);
  }

  async kill() {
    const children = [...this.children];
    this.children.clear();
    const ended = children.map((child) => once(child, "close"));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ended);
    await rm(await this.home, { recursive: true, force: true });
  }

  stop() {
    return this.kill();
  }
}
