// An upgrade under load: an old and a new version side by side on one database, and nothing is lost.
//
//   node upgrade/main.mjs OLD_BINARY NEW_BINARY [SECONDS]
//
// PERMESSO_POSTGRES_BIN names the directory with postgres and initdb. Starts two old replicas and furnishes an org by way of
// them; then agents call and people decide without a pause, while the new version migrates, joins, takes over and is alone at
// last. SECONDS is how long each phase has, 15 unless said. Prints what was counted; the exit code is 0 only if all of it holds.

import { setTimeout as sleep } from "node:timers/promises";
import path from "node:path";

import { Agent, KINDS, Line } from "./agents.mjs";
import { Book } from "./book.mjs";
import { cross_changes } from "./changes.mjs";
import { change_definitions } from "./definitions.mjs";
import { judge } from "./judge.mjs";
import { Kept } from "./kept.mjs";
import { Approvers, Watch, reads } from "./people.mjs";
import { startPostgres } from "./postgres.mjs";
import { Front, Replica, command } from "./replica.mjs";
import { Counter, furnish, probe, settings } from "./scene.mjs";
import { check_faults, check_logs, print } from "./table.mjs";

const [OLD, NEW] = process.argv.slice(2, 4).map((file) => path.resolve(file));
const SECONDS = Number(process.argv[4] ?? 15);
const TOOLS = ["look", "pay", "shut", "hang", "vanish", "other", "drift", "mixed"];
/** Agents of each kind. */
const AGENTS = { look: 2, hold: 6, poll: 6, again: 3, task: 3, session: 3 };

const book = new Book();
const front = new Front();
const replicas = [];
const watches = [];
const postgres = await startPostgres();
const counter = await Counter.start(TOOLS);
let failed = true;
let over = false;
// Agents and people whose gateway was stopped under them, when something went wrong before.
process.on("unhandledRejection", (error) => over || (console.error(error), process.exit(1)));
try {
  failed = await run();
} catch (error) {
  console.error(error);
} finally {
  over = true;
  for (const replica of replicas) if (replica.child.exitCode === null) await replica.stop();
  await counter.stop();
  await postgres.stop();
}
process.exit(failed ? 1 : 0);

async function run() {
  say("furnish");
  const own = settings(postgres);
  await command(OLD, ["migrate"], own);
  const start = async (binary, version, name) => {
    const replica = await Replica.start(book, { binary, version, name, settings: own, home: postgres.home });
    replicas.push(replica);
    return replica;
  };
  const old = [await start(OLD, "old", "old-1"), await start(OLD, "old", "old-2")];
  // What is changed at one replica another hears of within a second; until all is there, one is asked.
  front.add(old[0]);
  const scene = { front, book, counter, ...(await furnish(front, counter)) };
  const { people, keys } = scene;
  const kept = new Kept(scene);
  await kept.make(old);
  front.add(old[1]);
  const before = await probe(book, front, old[0], keys);
  book.same("keys", "both old replicas agree", await probe(book, front, old[1], keys), before);
  const watch = (replica) => watches.push(new Watch(replica, people.approver.token));
  old.forEach(watch);

  const load = await begins(people);
  await phase("old");

  say("migrate");
  const began = Date.now();
  const { stdout } = await command(NEW, ["migrate", "--json"], own);
  const migrated = Date.now() - began;
  const narrowed = JSON.parse(stdout).keys;
  await phase("after");
  book.same("keys", "an old replica on the newer schema", await probe(book, front, old[0], keys), before);
  await kept.compares("at an old replica on the newer schema", old[0]);

  say("mixed");
  const first = await start(NEW, "new", "new-1");
  front.add(first);
  watch(first);
  await sleep((SECONDS * 1000) / 2);
  book.same("keys", "an old replica beside a new one", await probe(book, front, old[1], keys), before);
  compare_keys("a new replica beside an old one", before, await probe(book, front, first, keys), keys, narrowed);
  await kept.compares("at a new replica", first);
  await kept.compares("at an old replica beside a new one", old[1]);
  await same_lists(people.admin, old[0], first);
  await kept.releases();
  await change_definitions(scene);
  await cross_changes(scene);
  await sleep((SECONDS * 1000) / 2);

  say("leaving");
  const second = await start(NEW, "new", "new-2");
  front.add(second);
  watch(second);
  const stops = [];
  for (const replica of old) {
    await front.drain(replica);
    await watches.find((watch) => watch.replica === replica).stop();
    stops.push({ name: replica.name, under_way: replica.under_way, ...(await replica.stop()) });
  }
  await phase("new");

  say("last");
  await load.ends();
  compare_keys("at the end", before, await probe(book, front, second, keys), keys, narrowed);
  await kept.compares("when the old ones have gone", second, ["under way", "cut off"]);
  await kept.ends(second);
  for (const watch of watches.slice(2)) await watch.stop();
  const ways = await judge({ book, counter, people, at: first });
  check_watches(await people.admin.all("/approvals?toolkit=load", first));
  for (const { name, code } of stops) book.same("stopping", `${name} ends by itself, without an error`, code, 0);
  for (const replica of [first, second]) {
    const { code } = await replica.stop();
    book.same("stopping", `${replica.name} ends by itself, without an error`, code, 0);
  }
  check_faults(book);
  check_logs(book, replicas);
  return print({ book, counter, ways, migrated, stops, narrowed, watches, replicas });
}

function say(phase) {
  book.phase = phase;
  console.error(`${new Date().toISOString().slice(11, 19)} ${phase} ...`);
}

async function phase(name) {
  say(name);
  await sleep(SECONDS * 1000);
}

/** Agents, approvers and a reader begin; `ends` waits until all that they began has an end. */
async function begins(people) {
  let going = true;
  let open = true;
  const agents = [];
  for (const [kind, count] of Object.entries(AGENTS)) {
    for (let n = 1; n <= count; n++) {
      const body = { name: `${kind}${n}`, role: "agent", hold_seconds: KINDS[kind].hold };
      const { key } = await people.owner.acme("POST", "/api-keys", body);
      const line = new Line(front, book, "/acme/load", key, { legacy: kind === "session", tasks: kind === "task" });
      agents.push(new Agent(line, kind, `${kind}${n}`));
    }
  }
  // Every replica knows them by then.
  await sleep(2_000);
  const at_work = agents.map((agent) => agent.work(() => going));
  const approvers = new Approvers(front, book, [people.approver, people.second]);
  const deciding = approvers.work(() => open);
  const reading = reads(people.admin, () => going);
  const ends = async () => {
    going = false;
    await Promise.all([...at_work, reading]);
    open = false;
    await deciding;
  };
  return { ends };
}

/** A key does what it did, or what the migration said it no longer does. */
function compare_keys(when, before, now, keys, narrowed) {
  for (const { name, prefix } of keys) {
    if (before[name] === now[name]) book.check("keys", `${name}: ${when}`, true);
    else {
      const said = narrowed.filter((text) => text.includes(prefix) && text.includes("no longer:"));
      book.check(
        "keys",
        `${name}: ${when}, narrower as the migration said`,
        said.length > 0,
        `${before[name]} → ${now[name]}`,
      );
    }
  }
}

/** Both versions list the same, of what is not being changed. */
async function same_lists(person, one, other) {
  for (const list of ["/approvals?toolkit=kept", "/api-keys", "/members", "/roles", "/connections", "/toolkits"]) {
    const ids = async (at) => (await person.all(list, at)).map(({ id }) => id).sort();
    book.same("lists", `${list}: the same at both versions`, await ids(one), await ids(other));
  }
}

/**
 * Each console was told of every approval that was opened while it watched, by whichever version, unless it was told to read
 * everything again.
 */
function check_watches(approvals) {
  for (const watch of watches) {
    const { replica, told, resync, error, kinds } = watch;
    const missed = watch.missed(approvals);
    const heard = [...kinds].map(([kind, n]) => `${n} ${kind}`).join(", ");
    const wrong = error && error.name !== "AbortError" ? `${error}` : `of ${told.size} it missed ${missed}`;
    const holds = told.size > 0 && (missed.length === 0 || resync > 0) && (!error || error.name === "AbortError");
    book.check("consoles that watch", `${replica.name}: ${heard}`, holds, wrong);
  }
}
