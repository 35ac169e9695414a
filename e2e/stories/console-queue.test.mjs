// A full queue: what an inbox with 500 waiting requests costs the person, the link and the server.
//
// What is asserted is work (requests, bytes, changes of the page), and time only by bounds that a busy machine keeps;
// the times that were measured are printed.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { connect } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { SELECTED_ROW, firstRow, forgetTasks, latencies, longTasks, measured, median, percentile } from "../lib/measure.mjs";
import { metered } from "../lib/network.mjs";
import { INBOX, card, isLookedAt, row, selected } from "../lib/room.mjs";
import { mark } from "../lib/seed-requests.mjs";
import { startOffice } from "../lib/seed.mjs";

const WAITING = 500;
/** What the reading of 500 waiting requests may bring over the link, compressed. */
const LIST_BYTES = 150_000;
/** What one new request may cost an open inbox beside its event. */
const NEWS_BYTES = 4_096;
/** An event carries the row, not the arguments. */
const EVENT_BYTES = 4_096;

describe("a full queue", () => {
  let gateway, office, admin;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
    office = await startOffice(gateway);
  });
  after(async () => {
    await gateway?.stop();
    await office?.stop();
  });

  tells("of ten open inboxes and four callers nobody is turned away", async (people) => {
    await office.prepares(460);
    const pages = [];
    for (let n = 0; n < 3; n++) pages.push(await people.enter(gateway, credentials(gateway), { at: INBOX }));
    const programs = [];
    for (let n = 0; n < 7; n++) programs.push(await opensInbox(gateway, admin));
    const pinger = await connect(gateway.mcpUrl, gateway.agentKey);
    const pings = pingsEach(pinger, 100);

    const answers = [];
    const requests = await office.asks(460, { on_answer: (status, ms) => answers.push({ status, ms }) });
    const last = requests.at(-1)?.id;
    if (requests.length === 460) for (const { page } of pages) await row(page, last).waitFor({ timeout: 30_000 });
    const { times, failed } = await pings.stop();
    await pinger.close();
    const asked = (await Promise.all(programs.map((program) => program.close()))).flat();

    const held = answers.map(({ ms }) => ms);
    say("460 held calls", { of: answers.length, held: requests.length, ...spread(held) });
    say("ping meanwhile", { pings: times.length, failed: failed.length, ...spread(times) });
    say("programs' reads", { reads: asked.length, "503": asked.filter((status) => status === 503).length });
    assert.deepEqual(tally(answers.map(({ status }) => status)), { 200: 460 }, "every call was answered");
    assert.equal(requests.length, 460, "every call is held");
    assert.deepEqual(asked.filter((status) => status >= 500), [], "every console was answered");
    assert.deepEqual(failed, [], "every ping was answered");
    assert.ok(percentile(times, 0.99) < 2_000, `a ping took ${percentile(times, 0.99)} ms`);
    const listed = await admin.allApprovals("status=pending");
    assert.equal(listed.length, 460, "nothing that was held is lost");
  }, { timeout: 240_000 });

  tells("an inbox shows its first request before it has read the whole queue", async (people) => {
    await fills();
    const mara = await people.enter(gateway, credentials(gateway));
    await measured(mara.page);
    const meter = await metered(mara.page);
    await mara.goes(INBOX);
    const first = await firstRow(mara.page);
    const before = meter.total;
    await meter.quiet();
    say("first request of 500", { ms: Math.round(first), before, "in all": meter.total, "long tasks": (await longTasks(mara.page)).join(" ") });
    assert.ok(before.requests <= 6, `${before.requests} calls before anything is seen:\n${meter.listed()}`);
    assert.ok(before.bytes <= LIST_BYTES / 2, `${before.bytes} bytes before anything is seen:\n${meter.listed()}`);
    assert.ok(meter.total.bytes <= LIST_BYTES, `${meter.total.bytes} bytes:\n${meter.listed()}`);
    assert.ok(first < 5_000, `it took ${first} ms`);
    assert.match(await mara.page.title(), /^\(500\) /);
    // The list is read once: nothing is asked for twice, but for the number that waits, if the last of the five hundred
    // is told only now.
    const asked = meter.calls.filter(({ path }) => !path.endsWith("/summary")).map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(asked.filter((path, at) => asked.indexOf(path) !== at), [], "asked for twice");
  });

  tells("the next request is there at once, and in view", async (people) => {
    const mara = await full(people);
    const before = await watchesRows(mara.page);
    const times = await latencies(mara.page, "j", 20, SELECTED_ROW);
    const { made } = await before();
    say("J with 500", { ms: Math.round(median(times)), worst: Math.round(Math.max(...times)), "rows made anew": made });
    assert.ok(times.every((ms) => ms !== null), "every J goes on");
    assert.equal(made, 0, "rows are changed in place");
    assert.ok(median(times) < 250, `J took ${median(times)} ms`);
    assert.ok(await inView(mara.page, SELECTED_ROW), "the selected row is in view");
    await isLookedAt(mara.page, selected(mara.page));
    for (let n = 0; n < 20; n++) await mara.page.keyboard.press("k");
    assert.ok(await inView(mara.page, SELECTED_ROW), "the selected row is in view");
  });

  tells("a search among 500 keeps up with who types", async (people) => {
    const mara = await full(people);
    await forgetTasks(mara.page);
    await mara.page.keyboard.press("/");
    await mara.page.keyboard.type(mark(321), { delay: 60 });
    // Whether a line that does not match is taken out or hidden is the page's business.
    const found = mara.page.locator('[id^="request-"][href]:visible');
    await mara.page.waitForFunction(
      () => [...document.querySelectorAll('[id^="request-"][href]')].filter((line) => line.checkVisibility()).length === 1,
    );
    assert.match(await found.innerText(), new RegExp(mark(321)));
    await mara.page.keyboard.press("Escape");
    await row(mara.page, (await oldest())[0]).waitFor();
    const tasks = await longTasks(mara.page);
    say("a search among 500", { "long tasks": tasks.join(" ") || "none" });
    assert.ok(Math.max(0, ...tasks) < 1_000, `the page was blocked for ${Math.max(...tasks)} ms`);
  });

  tells("one new request costs an open inbox one small read at most", async (people) => {
    const mara = await full(people);
    const meter = await metered(mara.page);
    await meter.quiet();
    meter.reset();
    const [one] = await office.asks(1);
    await row(mara.page, one.id).waitFor();
    await meter.quiet(1_200);
    say("one new request", { ...meter.total, "event bytes": meter.streamed });
    assert.ok(meter.total.requests <= 1, `it asked:\n${meter.listed()}`);
    assert.ok(meter.total.bytes <= NEWS_BYTES, `it asked:\n${meter.listed()}`);
    assert.ok(meter.streamed <= EVENT_BYTES, `the event had ${meter.streamed} bytes`);
    assert.match(await mara.page.title(), /^\(501\) /);
  });

  tells("ten new requests at once cost little more", async (people) => {
    const mara = await full(people);
    const meter = await metered(mara.page);
    await meter.quiet();
    meter.reset();
    await forgetTasks(mara.page);
    const shown = await card(mara.page).innerText();
    const ten = await office.asks(10, { at_once: 10 });
    for (const { id } of ten) await row(mara.page, id).waitFor();
    await meter.quiet(1_200);
    const tasks = await longTasks(mara.page);
    say("ten new requests", { ...meter.total, "event bytes": meter.streamed, "long tasks": tasks.join(" ") || "none" });
    assert.ok(meter.total.requests <= 4, `it asked:\n${meter.listed()}`);
    assert.ok(meter.total.bytes <= 4 * NEWS_BYTES, `it asked:\n${meter.listed()}`);
    assert.ok(meter.streamed <= 10 * EVENT_BYTES, `the events had ${meter.streamed} bytes`);
    assert.ok(Math.max(0, ...tasks) < 1_000, `the page was blocked for ${Math.max(...tasks)} ms`);
    assert.equal((await card(mara.page).innerText()).slice(0, 40), shown.slice(0, 40), "the open request stays");
  });

  /** 500 requests wait, or some more. */
  async function fills() {
    const waiting = (await admin.acme("GET", "/approvals?status=pending&limit=1&count=true").catch(() => undefined))?.count;
    const now = waiting?.count ?? (await admin.allApprovals("status=pending")).length;
    if (now < WAITING) await office.asks(WAITING - now);
  }

  /** The ids of what waits, in the order of the list. */
  async function oldest() {
    const waiting = await admin.allApprovals("status=pending");
    return waiting.sort((one, two) => one.expires_at.localeCompare(two.expires_at)).map(({ id }) => id);
  }

  /** Somebody before an inbox in which all of them stand. */
  async function full(people) {
    await fills();
    const mara = await people.enter(gateway, credentials(gateway));
    await measured(mara.page);
    await mara.goes(INBOX);
    const ids = await oldest();
    for (const id of [ids[0], ids.at(-1)]) await row(mara.page, id).waitFor();
    await card(mara.page).waitFor();
    return mara;
  }
});

/**
 * A program that does what an open inbox of the console does: follows the events, and reads what waits, and how many, at first and
 * at most once a second after news. `close` gives the status of every answer.
 */
async function opensInbox(gateway, admin) {
  const statuses = [];
  const headers = { authorization: `Bearer ${admin.token}` };
  const ended = new AbortController();
  const reads = async (path) => {
    const response = await fetch(`${gateway.url}/api/v1/orgs/acme${path}`, { headers });
    statuses.push(response.status);
    await response.arrayBuffer();
  };
  const stream = await fetch(`${gateway.url}/api/v1/orgs/acme/events`, { headers, signal: ended.signal });
  statuses.push(stream.status);
  await Promise.all([reads("/approvals?status=pending&limit=200"), reads("/approvals/summary")]);
  const follows = async () => {
    let reading;
    for await (const chunk of stream.body) {
      if (!reading && Buffer.from(chunk).includes("event:")) {
        reading = Promise.all([reads("/approvals/summary"), pause(1_000)]).finally(() => (reading = undefined));
      }
    }
  };
  const followed = follows().catch((error) => {
    if (error.name !== "AbortError") statuses.push(599);
  });
  return {
    async close() {
      ended.abort();
      await followed;
      return statuses;
    },
  };
}

/** Pings every `ms` milliseconds, whether or not the last was answered, until it is stopped. */
function pingsEach(client, ms) {
  const [times, failed, open] = [[], [], []];
  const ping = async () => {
    const before = performance.now();
    try {
      await client.ping({ timeout: 30_000 });
      times.push(performance.now() - before);
    } catch (error) {
      failed.push(error.message);
    }
  };
  const clock = setInterval(() => open.push(ping()), ms);
  return {
    async stop() {
      clearInterval(clock);
      await Promise.all(open);
      return { times, failed };
    },
  };
}

/** Watches the list; what it gives says how many rows were put into the page since. */
async function watchesRows(page) {
  await page.evaluate(() => {
    window.rowsMade = 0;
    const rows = (node) => (node.nodeType === 1 ? (node.matches('[id^="request-"][href]') ? 1 : 0) + node.querySelectorAll('[id^="request-"][href]').length : 0);
    window.rowWatcher = new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) window.rowsMade += rows(node);
    });
    window.rowWatcher.observe(document.body, { subtree: true, childList: true });
  });
  return () => page.evaluate(() => (window.rowWatcher.disconnect(), { made: window.rowsMade }));
}

function inView(page, selector) {
  return page.locator(selector).evaluate((element) => {
    const { top, bottom, left } = element.getBoundingClientRect();
    const there = document.elementFromPoint(left + 8, (top + bottom) / 2);
    return top >= 0 && bottom <= innerHeight && element.contains(there);
  });
}

function spread(times) {
  const of = (share) => Math.round(percentile(times, share));
  return { p50: of(0.5), p99: of(0.99), max: Math.round(Math.max(...times)) };
}

function tally(values) {
  const found = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms).unref());
}

/** Prints what was measured. */
function say(what, figures) {
  console.log(`${what}: ${Object.entries(figures).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")}`);
}
