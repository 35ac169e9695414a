// Forty decisions in a row: by keyboard, by mouse, by finger; with care, and as fast as a quick person. Each is held against
// what the server has in the end: the request that was meant, what was meant, the reason word for word.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { finger, keyboard, mouse, painted, reads } from "../lib/hands.mjs";
import { INBOX, card, row } from "../lib/room.mjs";
import { mark } from "../lib/seed-requests.mjs";
import { startOffice } from "../lib/seed.mjs";
import { PHONE, TABLET, place, tapsTwice } from "../lib/touch.mjs";

/** What is done with one request after the other: four decisions of five. */
const PLAN = ["approve", "reject", "approve from the list", "undo", "skip"];
/** How many requests a person goes through: all of them by hand, half of them in continuous integration, five by five. */
const many = (all) => (process.env.CI ? Math.ceil(all / 10) * 5 : all);
/** Between two keys of a quick person, in milliseconds. */
const QUICK_MS = 120;
/** Words full of letters that are keys of the console. */
const words = (n) => `a no, jk: »${mark(n)}« is <not> ours & zr`;

describe("forty decisions", () => {
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

  const ways = [
    ["by keyboard alone", keyboard, {}, 50],
    ["by mouse alone", mouse, {}, 50],
    ["by finger on a phone", finger, PHONE, 25],
    ["by finger on a tablet", finger, TABLET, 25],
  ];
  for (const [how, hands, device, count] of ways) {
    tells(`${how} hit what they were meant for`, async (people) => {
      const { order, marks } = await fills(many(count));
      const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, ...device });
      const sent = decisionsOf(mara.page);
      await row(mara.page, order.at(-1)).waitFor();
      await decides(mara.page, hands(mara.page), order, marks);
      await allSent(mara.page, sent);
      const meant = order.map((id, at) => [marks.get(id), expected(PLAN[at % PLAN.length], marks.get(id))]);
      assert.deepEqual(await became(order, marks), meant);
      assert.equal(sent.urls.length, meant.filter(([, { status }]) => status !== "pending").length, "each was sent once");
    }, { timeout: 180_000 });
  }

  tells("a quick person's rejections never approve, and lose no word", async (people) => {
    const { order, marks } = await fills(10);
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    const { page } = mara;
    const sent = decisionsOf(page);
    await row(page, order.at(-1)).waitFor();
    await card(page).waitFor();
    await recordsKeys(page);
    for (let n = 0; n < 8; n++) {
      for (const key of ["j", "r", "a", " ", "j", "k", "Control+Enter"]) {
        await page.keyboard.press(key);
        // Some think for a moment before they write.
        await page.waitForTimeout(key === "r" && n % 2 === 1 ? 350 : QUICK_MS);
      }
    }
    await page.keyboard.press("Escape");
    await allSent(page, sent);
    const meant = new Set((await keysOf(page)).filter(({ key }) => key === "r").map(({ id }) => id));
    const found = await became(order, marks);
    console.log(`quick rejections: ${found.filter(([, { status }]) => status === "rejected").length} of 8 made`);
    for (const [at, [, { status, reason }]] of found.entries()) {
      assert.notEqual(status, "approved", `${mark(marks.get(order[at]))} was to be rejected`);
      if (status === "rejected") assert.equal(reason, "a jk");
      if (status === "rejected") assert.ok(meant.has(order[at]), "it was the one that was looked at");
    }
    assert.ok(found.some(([, { status }]) => status === "rejected"), "and some were made");
  });

  tells("a quick person's approvals are of what was seen", async (people) => {
    const { order, marks } = await fills(20);
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    const { page } = mara;
    const sent = decisionsOf(page);
    await row(page, order.at(-1)).waitFor();
    await reads(page, order[0], mark(marks.get(order[0])));
    await recordsKeys(page);
    // First with a step before each, then again and again; the list goes on by itself.
    for (const key of [..."jajajajaja", ..."aaaaaaaaaaaa"]) {
      await page.keyboard.press(key);
      await page.waitForTimeout(QUICK_MS);
    }
    // A key that was ignored makes what follows at once do nothing, too. After a breath the next press counts.
    await page.waitForTimeout(800);
    await page.keyboard.press("a");
    await allSent(page, sent);
    const pressed = (await keysOf(page)).filter(({ key }) => key === "a");
    const found = await became(order, marks);
    const approved = order.filter((_, at) => found[at][1].status === "approved");
    console.log(`quick approvals: ${approved.length} of ${pressed.length} presses`);
    for (const id of approved) {
      const seen = pressed.filter((press) => press.id === id).map(({ seen }) => seen);
      assert.ok(Math.max(...seen) >= 300, `${mark(marks.get(id))} was approved ${seen} ms after it appeared`);
    }
    assert.ok(approved.length >= 1, "some were made");
  });

  for (const [how, device, apart] of [
    ["mouse", {}, 120],
    ["mouse", {}, 450],
    ["finger", TABLET, 120],
    ["finger", PHONE, 450],
  ]) {
    tells(`a second press by ${how} after ${apart} ms at the same place decides nothing more`, async (people) => {
      const { order, marks } = await fills(3);
      const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, ...device });
      const { page } = mara;
      const sent = decisionsOf(page);
      await row(page, order.at(-1)).waitFor();
      const hands = how === "mouse" ? mouse(page) : finger(page);
      await hands.goes(order[0]);
      await reads(page, order[0], mark(marks.get(order[0])));
      const approve = page.getByRole("button", { name: /^Approve(?! again)/ });
      if (how === "finger") await tapsTwice(page, approve, apart);
      else {
        const { x, y } = await place(approve);
        await page.mouse.move(x, y);
        await page.mouse.click(x, y);
        await page.waitForTimeout(apart);
        await page.mouse.click(x, y);
      }
      await allSent(page, sent);
      const found = (await became(order, marks)).map(([, { status }]) => status);
      assert.deepEqual(found, ["approved", "pending", "pending"]);
      // What was not done by the second press is done by one that is meant.
      await hands.goes(order[1]);
      await reads(page, order[1], mark(marks.get(order[1])));
      await hands.approves();
      await allSent(page, sent);
      assert.equal((await admin.approval(order[1])).status, "approved");
    });
  }

  /** So many requests wait and no other: in the order of the list, and which number each has. */
  async function fills(count) {
    await admin.rejectAll();
    const first = office.count;
    const made = await office.asks(count);
    const marks = new Map(made.map(({ id }, n) => [id, first + n]));
    const waiting = await admin.allApprovals("status=pending");
    waiting.sort((one, two) => one.expires_at.localeCompare(two.expires_at) || one.id.localeCompare(two.id));
    return { order: waiting.map(({ id }) => id), marks };
  }

  /** What the server has of each: number, state, reason. */
  async function became(order, marks) {
    const now = new Map((await admin.allApprovals()).map((approval) => [approval.id, approval]));
    return order.map((id) => {
      const { status, decision_reason } = now.get(id);
      return [marks.get(id), { status, reason: decision_reason ?? null }];
    });
  }
});

/** Carries out the plan, one request after the other, as somebody does who looks before they press. */
async function decides(page, hands, order, marks) {
  for (const [at, id] of order.entries()) {
    const [act, text] = [PLAN[at % PLAN.length], mark(marks.get(id))];
    if (act === "skip") continue;
    if (act === "approve from the list") await hands.returns(id, at, order);
    else await hands.goes(id, at, order);
    await reads(page, id, text);
    if (act === "reject") await hands.rejects(words(marks.get(id)));
    else await hands.approves();
    await goesOn(page, id, at === order.length - 1, `${act} of ${text}`);
    if (act === "undo") {
      await hands.undoes();
      await page.waitForURL((url) => url.href.includes(id), { timeout: 3_000 });
      await page.getByText(/Undone/).first().waitFor({ timeout: 3_000 });
    }
  }
}

/** The decision was taken: it can be undone, and another request comes. A press that does nothing fails here. */
async function goesOn(page, id, last, what) {
  await page.getByRole("button", { name: "Undo" }).first().waitFor({ timeout: 3_000 }).catch(() => assert.fail(`a dead press: ${what}`));
  if (!last) await page.waitForURL((url) => !url.href.includes(id), { timeout: 3_000 }).catch(() => assert.fail(`a dead press, or nothing comes after: ${what}`));
  // The decided row goes down to those that are being sent, and the others move up at once.
  await painted(page);
}

function expected(act, n) {
  if (act === "reject") return { status: "rejected", reason: words(n) };
  return { status: act.startsWith("approve") ? "approved" : "pending", reason: null };
}

/** The decisions that the page sends from now on: `urls`, and how many are not answered yet: `open`. */
function decisionsOf(page) {
  const sent = { urls: [], open: 0 };
  const isDecision = (request) => request.method() === "POST" && /\/(approve|reject)$/.test(request.url());
  page.on("request", (request) => {
    if (!isDecision(request)) return;
    sent.urls.push(request.url());
    sent.open += 1;
  });
  for (const end of ["requestfinished", "requestfailed"]) {
    page.on(end, (request) => void (isDecision(request) && (sent.open -= 1)));
  }
  return sent;
}

/** Waits until no decision is on its way any more. */
async function allSent(page, sent) {
  await painted(page);
  const held = page.getByRole("button", { name: "Undo" });
  while ((await held.count()) > 0) await held.first().waitFor({ state: "detached", timeout: 15_000 });
  // What was sent just now is known of after the next frame.
  do await painted(page);
  while (sent.open > 0);
}

/** Notes for every key from now on which request was looked at, and for how long its card had been there. */
async function recordsKeys(page) {
  await page.evaluate(() => {
    window.keys = [];
    let [shown, since] = [undefined, 0];
    const id = () => new URL(location.href).searchParams.get("selected");
    const look = () => {
      // The card of a request that is still being read shows nothing of it.
      const now = document.querySelector("article.request") ? id() : undefined;
      if (now !== shown) [shown, since] = [now, performance.now()];
      requestAnimationFrame(look);
    };
    look();
    addEventListener("keydown", ({ key, timeStamp }) => window.keys.push({ key, id: id(), seen: shown === id() ? timeStamp - since : 0 }), true);
  });
}

function keysOf(page) {
  return page.evaluate(() => window.keys);
}
