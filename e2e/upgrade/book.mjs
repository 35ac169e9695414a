// What is written down while it runs, and judged afterwards.

/** The phases, in order, with what each is about. */
export const PHASES = {
  furnish: "two old replicas: people, keys, requests in every state",
  old: "two old replicas",
  migrate: "`permesso migrate` of the new version",
  after: "two old replicas on the newer schema",
  mixed: "a new replica beside them",
  leaving: "a second new one; the old ones are stopped one by one",
  new: "two new replicas",
  last: "what is still open is decided and run",
};

/** One run's notes. */
export class Book {
  phase = "furnish";
  /** Calls by the id in their arguments. */
  calls = new Map();
  /** What people did, by the same id. */
  decisions = new Map();
  /** HTTP statuses and faults: phase, version, what → how often. */
  answers = new Map();
  /** Answers of 500 and more, answers that were not whole, and JSON-RPC errors. */
  faults = [];
  /** What was looked at: `{group, name, wrong}`, `wrong` being why it does not hold. */
  checks = [];

  /** Writes an HTTP answer down. */
  heard({ version, name }, phase, about, { status, fault, text }) {
    const key = `${phase}\t${version}\t${fault ? "broken" : status}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
    if (fault || status >= 500) this.faults.push({ phase, version, name, about, what: fault ?? `${status} ${text}` });
  }

  /** A JSON-RPC error in an answer of 200. */
  failed({ version, name }, phase, about, error) {
    this.faults.push({ phase, version, name, about, what: `JSON-RPC ${error.code}: ${error.message}` });
  }

  /** Notes whether something holds. */
  check(group, name, holds, wrong = "") {
    this.checks.push({ group, name, wrong: holds ? undefined : `${wrong}` || "it does not hold" });
  }

  /** Notes whether two things are the same, members in any order. */
  same(group, name, found, expected) {
    const [one, other] = [found, expected].map((value) => JSON.stringify(sorted(value)));
    this.check(group, name, one === other, `${one} is not ${other}`);
  }
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}
