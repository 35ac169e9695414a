// People under load: approvers who decide whatever waits, somebody who reads every list, and consoles that watch.

import { setTimeout as sleep } from "node:timers/promises";

/** The longest thought before a decision: shorter than a request lives. */
const THOUGHT_MS = 2_500;

/** What becomes of a call, by its id: always the same. Agents that ask again would open an expired request anew. */
export function plan_of(id) {
  const at = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % 100;
  const kind = id.replace(/\d*-\d+$/, "");
  if (at < 64) return "approve";
  if (at < 76) return "reject";
  if (at < 84) return "extend";
  if (at < 93) return kind === "poll" ? "take back" : "approve";
  return kind === "poll" || kind === "task" ? "ignore" : "approve";
}

/** Two people decide side by side; nothing is decided twice. */
export class Approvers {
  constructor(front, book, people) {
    Object.assign(this, { front, book, people, taken: new Set(), thinking: new Set(), turn: 0 });
  }

  /** Decides until nothing is open and nobody opens more. */
  async work(going) {
    while (going()) {
      const person = this.people[this.turn++ % this.people.length];
      const items = await person.all("/approvals?status=pending&toolkit=load");
      const fresh = items.filter(({ id }) => !this.taken.has(id));
      for (const item of fresh) {
        this.taken.add(item.id);
        this.thinking.add(item.id);
        this.decides(person, item).finally(() => this.thinking.delete(item.id));
      }
      await sleep(150);
    }
    while (this.thinking.size > 0) await sleep(50);
  }

  async decides(person, { id }) {
    await sleep(Math.random() * THOUGHT_MS);
    try {
      await this.does(person, id, await person.acme("GET", `/approvals/${id}`));
    } catch (error) {
      this.book.check("decisions", `the decision about ${id} is taken`, false, error.message);
    }
  }

  async does(person, id, seen) {
    const call = JSON.parse(seen.arguments_json).id;
    const made = { plan: plan_of(call), approval: id };
    if (this.book.decisions.has(call)) this.book.check("decisions", `${call} is asked once`, false, `again as ${id}`);
    this.book.decisions.set(call, made);
    if (made.plan === "ignore") return;
    const { arguments_sha256, definition_sha256 } = seen;
    const newer = this.front.of("new");
    if (made.plan === "extend" && newer) {
      await person.acme("POST", `/approvals/${id}/extend`, { seconds: 60 }, newer);
      made.extended = true;
    }
    const at = this.front.pick();
    const body = { arguments_sha256, definition_sha256, reason: `because of ${call}` };
    made.decided = at.version;
    if (made.plan === "reject") {
      await person.acme("POST", `/approvals/${id}/reject`, body, at);
      made.fate = "rejected";
      return;
    }
    await person.acme("POST", `/approvals/${id}/approve`, body, at);
    made.fate = "approved";
    if (made.plan === "take back" && newer) await this.takes_back(person, id, made, newer);
  }

  async takes_back(person, id, made, newer) {
    try {
      await person.acme("POST", `/approvals/${id}/revoke`, { reason: "taken back" }, newer);
      made.fate = "taken back";
    } catch (error) {
      // The agent was faster.
      if (error.status !== 409) throw error;
    }
  }
}

/** Reads every list, at any replica. */
export async function reads(person, going) {
  const lists = [
    "/approvals?limit=200",
    "/audit?limit=50",
    "/api-keys",
    "/members",
    "/roles",
    "/connections",
    "/toolkits/load/tools",
  ];
  for (let n = 0; going(); n++) {
    await person.acme("GET", lists[n % lists.length]);
    await sleep(100);
  }
}

/** A console's event stream at one replica: which approvals it told of, and whether it said that it missed some. */
export class Watch {
  constructor(replica, token) {
    Object.assign(this, { replica, told: new Set(), resync: 0, kinds: new Map(), abort: new AbortController() });
    this.done = this.follow(token).catch((error) => (this.error = error));
  }

  async follow(token) {
    const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
    const response = await fetch(`${this.replica.url}/api/v1/orgs/acme/events`, { headers, signal: this.abort.signal });
    if (!response.ok) throw new Error(`events: ${response.status}`);
    this.since = Date.now();
    let rest = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const events = (rest + piece).split("\n\n");
      rest = events.pop();
      for (const event of events) this.hears(event);
    }
  }

  hears(event) {
    const field = (name) =>
      event
        .split("\n")
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const kind = field("event");
    if (!kind) return;
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
    if (kind === "resync") this.resync++;
    const data = field("data");
    if (kind.startsWith("approval.") && data) {
      const { id, approval_id } = JSON.parse(data);
      this.told.add(approval_id ?? id);
    }
  }

  /** Of these approvals, those that were opened while it watched and that it was not told of. */
  missed(approvals) {
    const [from, to] = [this.since + 2_000, this.until - 5_000];
    const watched = ({ created_at }) => Date.parse(created_at) > from && Date.parse(created_at) < to;
    return approvals.filter((approval) => watched(approval) && !this.told.has(approval.id)).map(({ id }) => id);
  }

  async stop() {
    this.until = Date.now();
    this.abort.abort();
    await this.done;
  }
}
