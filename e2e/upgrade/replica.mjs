// Gateways of two versions on one database, and the balancer before them: who may be asked, and how each answered.

import { execFile, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

import { guarded, surroundings } from "../lib/gateway.mjs";

const START_MS = 60_000;
/** What operating.md gives a stopping process. */
const STOP_MS = 60_000;

/** One process. */
export class Replica {
  /** Starts it and waits until it serves; `version` is `old` or `new`. */
  static async start(book, { binary, version, name, settings, home }) {
    const replica = new Replica();
    Object.assign(replica, { book, version, name, lines: [], under_way: 0 });
    const env = {
      ...surroundings(),
      ...settings,
      PERMESSO_LISTEN: "127.0.0.1:0",
      PERMESSO_DATA_DIR: `${home}/${name}`,
    };
    const child = spawn(binary, ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
    replica.child = child;
    // The directory belongs to Postgres, whose own guard removes it.
    replica.unguard = guarded(child.pid, `${home}/${name}`);
    replica.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    let rest = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      replica.lines.push(...lines.map((line) => ({ phase: book.phase, line })));
    });
    for (const deadline = Date.now() + START_MS; !replica.url; await sleep(20)) {
      replica.url = out.match(/^permesso on (\S+?)\/?\n/m)?.[1];
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${name} did not start:\n${replica.lines.map(({ line }) => line).join("\n")}`);
      }
    }
    return replica;
  }

  /** Ends it as an orchestrator does; gives the exit code and how long it took. */
  async stop() {
    const began = Date.now();
    this.child.kill("SIGTERM");
    const code = await Promise.race([this.exited, sleep(STOP_MS, "no end", { ref: false })]);
    if (code === "no end") this.child.kill("SIGKILL");
    await this.exited;
    this.unguard();
    return { code, ms: Date.now() - began };
  }

  /**
   * One HTTP exchange, counted by the phase it began in: `{status, text, headers}`, or `{fault}` where there was no whole answer.
   */
  async ask(method, path, { token, body, headers = {}, signal } = {}) {
    const { phase } = this.book;
    this.under_way++;
    let answer;
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
      answer = { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      answer = { fault: `${error.cause?.code ?? error.name}: ${error.cause?.message ?? error.message}` };
    } finally {
      this.under_way--;
    }
    this.book.heard(this, phase, `${method} ${path}`, answer);
    return { ...answer, replica: this };
  }
}

/** Which replicas are asked: any that is in, as behind a balancer without affinity. */
export class Front {
  live = [];

  add(replica) {
    this.live.push(replica);
  }

  /** Takes one out, as a balancer does before the process is told to stop. */
  async drain(replica) {
    this.live = this.live.filter((other) => other !== replica);
    // What has been sent has arrived by then.
    await sleep(200);
  }

  pick() {
    return this.live[Math.floor(Math.random() * this.live.length)];
  }

  of(version) {
    const some = this.live.filter((replica) => replica.version === version);
    return some[Math.floor(Math.random() * some.length)];
  }
}

/** A person or key over REST. 503 is tried again, as `Retry-After` says; anything else that is no success is thrown. */
export class Rest {
  constructor(front, token) {
    Object.assign(this, { front, token });
  }

  static async sign_in(front, email, password) {
    const { access_token } = await new Rest(front).call("POST", "/auth/login", { email, password });
    return new Rest(front, access_token);
  }

  async call(method, path, body, at) {
    for (let tries = 1; ; tries++) {
      const answer = await (at ?? this.front.pick()).ask(method, `/api/v1${path}`, { token: this.token, body });
      if (answer.status >= 200 && answer.status < 300) return answer.text === "" ? undefined : JSON.parse(answer.text);
      const passes = answer.status === 503 || answer.status === 429;
      if (!passes || tries === 20) throw new Refused(method, path, answer);
      await sleep(Math.min(1000, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
    }
  }

  acme(method, path, body, at) {
    return this.call(method, `/orgs/acme${path}`, body, at);
  }

  /** Every page of a list. */
  async all(path, at) {
    const items = [];
    for (let cursor = ""; ;) {
      const page = await this.acme("GET", `${path}${path.includes("?") ? "&" : "?"}limit=200${cursor}`, undefined, at);
      items.push(...page.items);
      if (!page.next_cursor) return items;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
  }
}

/** An answer that was no success. */
export class Refused extends Error {
  constructor(method, path, { status, text, fault, replica }) {
    super(`${method} ${path} at ${replica.name}: ${fault ?? status} ${text ?? ""}`);
    this.status = status;
    this.code = status && text?.startsWith("{") ? JSON.parse(text).code : undefined;
  }
}

/** Runs `permesso …args` to its end; gives what it printed. */
export function command(binary, args, settings) {
  return new Promise((resolve, reject) => {
    execFile(binary, args, { env: { ...surroundings(), ...settings }, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`permesso ${args.join(" ")}: ${error.message}\n${stderr}`));
      else resolve({ stdout, stderr });
    });
  });
}
