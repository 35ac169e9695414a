// Definitions that change while both versions serve, listed and reviewed by way of either: both hold the tool until it is
// reviewed, and neither afterwards.

import { setTimeout as sleep } from "node:timers/promises";

import { Line, read } from "./agents.mjs";

const SOON_MS = 15_000;

/** Changes `mixed` again and again. */
export async function change_definitions({ front, book, counter, people, keys }) {
  const { key } = keys.find(({ name }) => name === "definitions");
  const line = new Line(front, book, "/acme/kept", key);
  let count = 0;
  /** Waits until a version holds the tool, or runs it. */
  const comes_to = async (version, expected) => {
    let said;
    for (const deadline = Date.now() + SOON_MS; Date.now() < deadline; await sleep(200)) {
      const id = `mixed-${++count}`;
      const heard = await line.call("mixed", { id }, { at: front.of(version) });
      const what = heard.result ? read(heard.result, id) : {};
      said = what.pending ? "held" : what.end;
      if (said === expected) return said;
      // Room for the next one: a caller may have twenty open.
      if (what.pending) await withdraw(people, what.pending, front.of(version));
    }
    return said;
  };
  const both = async (name, expected) => {
    for (const version of ["old", "new"]) {
      book.same("definitions", `${name}: ${version} one`, await comes_to(version, expected), expected);
    }
  };
  const refresh = (at) => people.admin.acme("POST", "/connections/work/refresh", undefined, at);
  const review = async (at) => {
    const { items } = await people.admin.acme("GET", "/connections/work/tools?limit=200", undefined, at);
    const { definition_sha256 } = items.find(({ name }) => name === "mixed");
    await people.admin.acme("POST", "/connections/work/tools/mixed/review", { definition_sha256 }, at);
  };
  for (const version of ["old", "new"]) {
    counter.describes("mixed", `Listed by the ${version} one.`);
    await refresh(front.of(version));
    await both(`listed by the ${version} one`, "held");
    await review(front.of(version));
    await both(`reviewed by the ${version} one`, "answered");
  }
  counter.describes("mixed", "Listed by the old one.");
  await refresh(front.of("new"));
  await both("an earlier reviewed one again, listed by the new one", "answered");
}

async function withdraw(people, id, at) {
  const { arguments_sha256, definition_sha256 } = await people.approver.acme("GET", `/approvals/${id}`, undefined, at);
  const body = { arguments_sha256, definition_sha256, reason: "only to look" };
  await people.approver.acme("POST", `/approvals/${id}/reject`, body, at).catch(() => {});
}
