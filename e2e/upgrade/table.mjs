// What is printed at the end.

import { PHASES } from "./book.mjs";

/** What a log may have beside the level `info`: a busy machine, its set-up, and the call that the stop cuts off. */
const DOCUMENTED = [
  "slow statement",
  // A connection whose arguments refer to variables, made at the newer version.
  "unknown field",
  "child processes run as root",
  "some requests did not end in time",
  "some dispatched calls did not end in time; their outcome will be unknown",
];

/** Checks that nothing was answered with 500 and more, or not at all, but the call that is cut off. */
export function check_faults(book) {
  const strange = book.faults.filter(({ phase, about }) => !(phase === "furnish" && about === "POST /acme/kept/mcp"));
  book.check(
    "answers",
    "none is 500 or more, broken, or a JSON-RPC error",
    strange.length === 0,
    `${strange.length} are, see above`,
  );
}

/** Checks that no replica complained of anything that is not documented. */
export function check_logs(book, replicas) {
  for (const { name, lines } of replicas) {
    const odd = lines.filter(({ line }) => /\b(WARN|ERROR)\b|panicked/.test(line));
    const strange = odd.filter(({ line }) => !DOCUMENTED.some((words) => line.includes(words)));
    const told = strange.slice(0, 6).map(({ phase, line }) => `\n      ${phase}: ${line.slice(0, 400)}`);
    book.check(
      "logs",
      `${name}: ${odd.length} warnings and errors, all documented`,
      strange.length === 0,
      `${strange.length} are not:${told.join("")}`,
    );
  }
}

/** Prints the table; gives whether something does not hold. */
export function print({ book, counter, ways, migrated, stops, narrowed }) {
  const line = (...cells) => console.log(cells.join("  ").trimEnd());
  line("\nanswers by phase and version");
  for (const [phase, about] of Object.entries(PHASES)) {
    for (const version of ["old", "new"]) {
      const found = [...book.answers]
        .map(([key, n]) => [...key.split("\t"), n])
        .filter(([p, v]) => p === phase && v === version);
      if (found.length === 0) continue;
      const statuses = found
        .sort()
        .map(([, , status, n]) => `${status}: ${n}`)
        .join("  ");
      line(" ", phase.padEnd(8), version, statuses.padEnd(60), about);
    }
  }
  const calls = [...book.calls.values()];
  line("\ncalls by kind, and their ends");
  for (const kind of new Set(calls.map((call) => call.kind))) {
    const ends = tally(calls.filter((call) => call.kind === kind).map(({ end }) => `${end}`.slice(0, 60)));
    line(" ", kind.padEnd(8), ends);
  }
  line(
    "\ndecisions ",
    tally(
      [...book.decisions.values()].map(
        ({ fate, extended }) => `${fate ?? "ignored"}${extended ? " after more time" : ""}`,
      ),
    ),
  );
  line(
    "opened → decided → answered ",
    [...ways]
      .sort()
      .map(([way, n]) => `${way}: ${n}`)
      .join("  "),
  );
  line(
    "ran at the upstream",
    [...counter.ran.values()].reduce((sum, n) => sum + n, 0),
  );
  line("migrated in", `${migrated} ms; it said:`, ...narrowed.map((text) => `\n    ${text}`));
  for (const { name, under_way, code, ms } of stops)
    line(name, `stopped with ${under_way} requests under way in ${ms} ms, exit code ${code}`);
  line("\nanswers of 500 and more, broken ones, and JSON-RPC errors:", book.faults.length);
  for (const [what, n] of count(
    book.faults.map(
      ({ phase, version, about, what }) =>
        `${phase}, ${version}: ${about.replace(/[0-9a-f-]{36}/, "…")}: ${what.replace(/[0-9a-f-]{36}/g, "…").slice(0, 300)}`,
    ),
  )) {
    line(`  ${n} × ${what}`);
  }
  line("");
  const groups = Map.groupBy?.(book.checks, ({ group }) => group) ?? grouped(book.checks);
  for (const [group, checks] of groups) {
    const wrong = checks.filter((check) => check.wrong);
    line(
      wrong.length > 0 ? "✗" : "✓",
      group,
      wrong.length > 0 ? `(${wrong.length} of ${checks.length})` : `(${checks.length})`,
    );
    for (const check of wrong.slice(0, 12)) line("   ", check.name, "—", check.wrong);
  }
  const failures = book.checks.filter(({ wrong }) => wrong).length;
  line(`\n${book.checks.length - failures} passed, ${failures} failed`);
  return failures > 0;
}

function count(words) {
  const found = new Map();
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1);
  return [...found].sort(([, one], [, other]) => other - one);
}

function tally(words) {
  return count(words)
    .map(([word, n]) => `${word}: ${n}`)
    .join("  ");
}

function grouped(checks) {
  const found = new Map();
  for (const check of checks) found.set(check.group, [...(found.get(check.group) ?? []), check]);
  return found;
}
