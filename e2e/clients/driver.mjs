// One client as a process of its own, driven by lines of JSON over its standard input and output.
//
//   > {"id": 1, "do": "call", "url": "…/mcp", "as": "cursor", "timeout": 60, "tool": "…", "arguments": {}}
//   < {"id": 1, "value": {"result": {…}, "progress": [{"progress": 1, "message": "…"}]}}
//
// `do` is `list` (value: the tools, and the revision that is spoken), `call`, or `task` (value: the
// states of the task that the call becomes, and its result). `as` is the name that the client gives of
// itself, `timeout` its patience in seconds for each answer; `progress` has progress begin that anew,
// `tasks` declares the tasks extension; `answers` has the client declare that it can be asked, and what it
// answers to forms, by field. A failure is `{"id": 1, "error": "…"}`. Results are as the
// client hands them to an application. The end of input ends the process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Driver {
  /** Starts `command` as the client of one key, speaking `era`. */
  constructor(command, { key, era }) {
    const [program, ...args] = command;
    const env = { ...process.env, MCP_KEY: key, MCP_ERA: era };
    this.child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    this.pending = new Map();
    this.said = "";
    this.ids = 0;
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-4000)));
    this.child.stdin.on("error", () => {});
    this.ended = once(this.child, "close").catch(([error]) => [error?.message]);
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#answered(line));
    this.ended.then(([code]) => {
      for (const { reject } of this.pending.values()) {
        reject(new Error(`the client ended (${code}); it printed:\n${this.said}`));
      }
      this.pending.clear();
    });
  }

  /** Has the client do something; its value, or an error with what it says went wrong. */
  ask(command) {
    const id = ++this.ids;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  #answered(line) {
    const { id, value, error } = JSON.parse(line);
    const asked = this.pending.get(id);
    this.pending.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`the client says: ${error}`));
  }

  /** Ends it as a power cut does: nothing is said to anybody, nor to who still waits for an answer. */
  async kill() {
    this.pending.clear();
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Ends it, whatever it is doing; who still waits for an answer hears nothing. */
  async stop() {
    this.pending.clear();
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await this.ended;
    clearTimeout(timer);
  }
}
