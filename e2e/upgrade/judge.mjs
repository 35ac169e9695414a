// Judges a run: every call has an end that fits what ran and what was decided, a record, and an approval in that state.

/** How the end that an agent was told goes with what was done. */
const ENDS = { rejected: "rejected", expired: "ignored", withdrawn: "taken back" };

/** Checks the calls of agents against the upstream's counts, the decisions, the approvals and the record. */
export async function judge({ book, counter, people, at }) {
  const approvals = await people.admin.all("/approvals?toolkit=load", at);
  const of_call = await by_call(people.admin, approvals, at);
  const records = await records_of(people.admin, at);
  const wrong = (group) => (call, why) =>
    book.check(
      group,
      call.id,
      false,
      `${why}: ${JSON.stringify({ ...call, approvals: [...call.approvals], ran_times: ran(call) })}`,
    );
  const ran = ({ id }) => counter.ran.get(id) ?? 0;
  const calls = [...book.calls.values()];
  const counted = (group, of, faulty) => {
    const bad = of.filter((call) => {
      const why = faulty(call);
      if (why) wrong(group)(call, why);
      return why;
    });
    if (bad.length === 0) book.check(group, `${of.length} calls`, true);
  };
  const looks = calls.filter(({ tool }) => tool === "look");
  const pays = calls.filter(({ tool }) => tool === "pay");
  const fate = ({ id }) => book.decisions.get(id)?.fate ?? "ignored";
  counted("always allowed: each ran once and was answered", looks, (call) => {
    if (call.end !== "answered") return `its end is ${call.end}`;
    if (ran(call) !== 1) return `it ran ${ran(call)} times`;
  });
  counted(
    "approved: each ran once, and its agent has the answer",
    pays.filter((call) => fate(call) === "approved"),
    (call) => {
      if (call.end !== "answered") return `its end is ${call.end}`;
      if (ran(call) !== 1) return `it ran ${ran(call)} times`;
    },
  );
  counted(
    "rejected, expired, taken back: none ran, and its agent was told",
    pays.filter((call) => fate(call) !== "approved"),
    (call) => {
      if (ran(call) !== 0) return `it ran ${ran(call)} times`;
      if (fate(call) !== ENDS[call.end]) return `it was ${fate(call)}, and its end is ${call.end}`;
    },
  );
  counted("every held call has one approval, in the state that fits", pays, (call) => {
    const found = of_call.get(call.id) ?? [];
    if (found.length !== 1) return `it has ${found.length} approvals`;
    const expected = { approved: "executed", rejected: "rejected", "taken back": "withdrawn", ignored: "expired" }[
      fate(call)
    ];
    if (found[0].status !== expected) return `its approval is ${found[0].status}`;
  });
  counted("every call is on record, and ran as the record says", calls, (call) => {
    const found = records.get(call.id) ?? [];
    if (found.length === 0) return "there is no record of it";
    if (found.some(({ status }) => status === "interrupted")) return "a record has no outcome";
    const ok = found.filter(({ status, rule_ran }) => status === "ok" && rule_ran).length;
    if (ran(call) !== ok) return `${ok} records say that it ran`;
  });
  const strangers = [...counter.ran.keys()].filter((id) => !book.calls.has(id) && !/^(probe|kept|mixed)-/.test(id));
  book.same("nothing ran that nobody called", "ids at the upstream", strangers, []);
  return crossings(pays, book);
}

async function by_call(person, approvals, at) {
  const found = new Map();
  for (let n = 0; n < approvals.length; n += 8) {
    await Promise.all(
      approvals.slice(n, n + 8).map(async ({ id }) => {
        const detail = await person.acme("GET", `/approvals/${id}`, undefined, at);
        const call = JSON.parse(detail.arguments_json).id;
        found.set(call, [...(found.get(call) ?? []), detail]);
      }),
    );
  }
  return found;
}

/** The records of `tools/call` by the id in the arguments, or of the approval that the call has. */
async function records_of(person, at) {
  const answer = await at.ask("GET", "/api/v1/orgs/acme/audit/export?format=jsonl", { token: person.token });
  const records = answer.text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const found = new Map();
  const call_of = new Map();
  const id_of = ({ request }) =>
    request && JSON.stringify(request).match(/(?:look|hold|poll|again|task|session)\d*-\d+/)?.[0];
  for (const record of records) {
    const id = id_of(record);
    if (id && record.approval_id) call_of.set(record.approval_id, id);
  }
  for (const record of records) {
    const id = id_of(record) ?? call_of.get(record.approval_id);
    if (!id) continue;
    const response = JSON.stringify(record.response ?? "");
    // `tasks/get` carries the result as well.
    found.set(id, [
      ...(found.get(id) ?? []),
      {
        ...record,
        rule_ran: record.action === "tools/call" && response.includes(`ran ${id}`) && !response.includes("replayed"),
      },
    ]);
  }
  return found;
}

/** How many calls were opened, decided and answered by which versions. */
function crossings(pays, book) {
  const found = new Map();
  for (const call of pays) {
    const decided = book.decisions.get(call.id)?.decided ?? "nobody";
    const way = `${call.opened} → ${decided} → ${call.ran}`;
    found.set(way, (found.get(way) ?? 0) + 1);
  }
  return found;
}
