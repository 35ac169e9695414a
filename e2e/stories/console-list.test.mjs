// The inbox's list under a finger, by Tab alone, on a link that fails once, and with a search that hides what is open.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { SELECTED_ROW, latencies, measured, median } from "../lib/measure.mjs";
import { fails, metered } from "../lib/network.mjs";
import { INBOX, card, isLookedAt, looksAt, news, row } from "../lib/room.mjs";
import { startOffice } from "../lib/seed.mjs";
import { PHONE, TABLET, taps } from "../lib/touch.mjs";

const LIST = /\/api\/v1\/orgs\/acme\/approvals\?/;
const SUMMARY = /\/approvals\/summary$/;

describe("the inbox's list", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  for (const [device, window] of Object.entries({ phone: PHONE, tablet: TABLET })) {
    tells(`a tap opens what it touches, on a ${device}`, async (people) => {
      const [first, second] = [await ask(`One ${device}`), await ask(`Two ${device}`)];
      const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, ...window });
      await row(mara.page, first).waitFor();
      await remembers(mara.page, second);
      await taps(mara.page, row(mara.page, second));
      await card(mara.page).getByText(`Two ${device}`, { exact: true }).first().waitFor();
      assert.match(mara.page.url(), new RegExp(second));
      assert.ok(await isTheSame(mara.page, second), "the line under the finger is not made anew");
      const back = mara.page.getByRole("button", { name: "Back to the inbox" });
      if (await back.isVisible()) await taps(mara.page, back);
      await taps(mara.page, row(mara.page, first));
      await card(mara.page).getByText(`One ${device}`, { exact: true }).first().waitFor();
      await away(first, second);
    });
  }

  tells("Tab alone leads into the list, Enter opens, and news take the focus away from nobody", async (people) => {
    const [first, second] = [await ask("Tab one"), await ask("Tab two")];
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await isLookedAt(mara.page, first);
    await mara.page.locator("#content").focus();
    await tabsTo(mara.page, `request-${first}`);
    await mara.page.keyboard.press("Tab");
    assert.equal(await focused(mara.page), `request-${second}`, "the next line");
    await remembers(mara.page, second);
    const third = await ask("Tab three");
    await mara.page.getByRole("button", { name: "1 new" }).waitFor();
    assert.equal(await row(mara.page, third).count(), 0, "nothing comes into a list that has the focus");
    await admin.reject(second, "seen");
    await row(mara.page, second).getByText(/rejected/).waitFor();
    assert.equal(await focused(mara.page), `request-${second}`);
    assert.ok(await isTheSame(mara.page, second), "it says what became of it without being made anew");
    await mara.page.keyboard.press("Shift+Tab");
    await mara.page.keyboard.press("Enter");
    await card(mara.page).getByText("Tab one", { exact: true }).first().waitFor();
    await row(mara.page, third).waitFor();
    await away(first, third);
  });

  for (const how of [{ status: 503 }, { status: undefined }]) {
    tells(`a list that could not be read (${how.status ?? "no answer"}) is read again by itself`, async (people) => {
      const id = await ask(`Heals ${how.status}`);
      const mara = await people.enter(gateway, credentials(gateway));
      const list = await fails(mara, LIST, { times: 2, ...how });
      const detail = await fails(mara, new RegExp(`/approvals/${id}$`), { times: 1, ...how });
      const badge = await fails(mara, SUMMARY, { times: 1, ...how });
      await mara.goes(INBOX);
      const alert = mara.page.getByRole("alert").filter({ hasText: "tried again by itself" });
      await alert.first().waitFor();
      await mara.page.getByRole("button", { name: "Try again" }).first().waitFor();
      await Promise.all([list.done, badge.done]);
      await isLookedAt(mara.page, id);
      await detail.done;
      await card(mara.page).getByText(`Heals ${how.status}`, { exact: true }).first().waitFor();
      await alert.first().waitFor({ state: "detached" });
      await mara.page.locator("nav .n", { hasText: "1" }).waitFor();
      await away(id);
    });
  }

  tells("who one is, is asked again by itself", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    const session = await fails(mara, /\/auth\/session$/, { status: 503 });
    await mara.page.goto(INBOX);
    await session.done;
    await mara.page.getByRole("heading", { name: "Inbox" }).waitFor();
    await mara.page.getByRole("alert").waitFor({ state: "detached" });
  });

  tells("an answer is not asked for again", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    const refused = await fails(mara, LIST, { times: 9, status: 403 });
    await mara.goes(INBOX);
    await mara.page.getByRole("alert").first().waitFor();
    // Nothing tells that nothing comes: the first attempt would have been made within a second and a half.
    await mara.page.waitForTimeout(2_500);
    assert.equal(refused.failed(), 1);
    assert.equal(await mara.page.getByText("tried again by itself").count(), 0);
  });

  tells("what the search hides is not decided without saying so", async (people) => {
    const [one, two] = [await ask("Hidden"), await ask("Visible")];
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    const { page } = mara;
    await looksAt(page, one);
    await page.keyboard.press("/");
    await page.keyboard.type("no such thing at all");
    const notice = page.getByText("it does not match your search");
    await notice.waitFor();
    assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
    await card(page).getByRole("heading", { level: 2 }).click();
    await page.keyboard.press("a");
    await page.keyboard.press("r");
    await page.waitForTimeout(300);
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.equal(await news(page, "send_invoice").count(), 0);
    await page.locator(".decide").getByRole("button", { name: "Clear search and filters" }).click();
    await notice.waitFor({ state: "detached" });
    await row(page, two).waitFor();
    await page.getByRole("button", { name: /^Approve(?! again)/ }).waitFor();

    // A request that the list does not have says so, and where it can be decided.
    await admin.reject(one, "seen");
    await mara.goes(`${INBOX}?selected=${one}`);
    await row(page, two).waitFor();
    await page.getByRole("link", { name: "Open request" }).click();
    await page.waitForURL(new RegExp(`/acme/approvals/${one}$`));
    await away(two);
  });

  tells("a search on a phone leaves the request before anything is typed", async (people) => {
    const id = await ask("Covered");
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, viewport: { width: 360, height: 740 } });
    await row(mara.page, id).click();
    await card(mara.page).getByText("Covered", { exact: true }).first().waitFor();
    await mara.page.waitForTimeout(500);
    await mara.page.keyboard.press("/");
    const search = mara.page.getByRole("searchbox");
    await search.and(mara.page.locator(":focus")).waitFor();
    await mara.page.keyboard.type("a");
    assert.equal(await search.inputValue(), "a");
    assert.equal((await admin.approval(id)).status, "pending");
    await away(id);
  });

  tells("among five hundred J is quick, in view, and nothing is made anew", async (people) => {
    const office = await startOffice(gateway);
    try {
      await office.asks(500);
      const mara = await people.enter(gateway, credentials(gateway));
      await measured(mara.page);
      await mara.goes(INBOX);
      const all = () => document.querySelectorAll('[id^="request-"][href]').length >= 500;
      await mara.page.waitForFunction(all, undefined, { timeout: 60_000 });
      await card(mara.page).waitFor();
      await mara.page.evaluate(() => {
        window.made = 0;
        new MutationObserver((changes) => {
          for (const { addedNodes } of changes) for (const node of addedNodes) if (node.nodeName === "LI") window.made += 1;
        }).observe(document.querySelector("#requests"), { childList: true, subtree: true });
      });
      const times = await latencies(mara.page, "j", 20, SELECTED_ROW);
      console.log(`# J with 500: median ${Math.round(median(times))} ms, all ${times.map(Math.round).join(" ")}`);
      assert.ok(times.every((ms) => ms !== null));
      const { top, bottom } = await mara.page.locator(SELECTED_ROW).evaluate((one) => one.getBoundingClientRect());
      assert.ok(top >= 0 && bottom <= 900, `the selected line is in view: ${top} to ${bottom}`);
      assert.equal(await mara.page.evaluate(() => window.made), 0);

      const meter = await metered(mara.page);
      await meter.quiet();
      meter.reset();
      const [one] = await office.asks(1);
      await row(mara.page, one.id).waitFor();
      await meter.quiet(1_500);
      assert.ok(meter.total.requests <= 1, `it asked:\n${meter.listed()}`);
    } finally {
      await office.stop();
    }
  }, { timeout: 180_000 });

  async function ask(customer) {
    return held(await call(agent, "send_invoice", { customer, amount_cents: 5, currency: "EUR" })).approval_id;
  }

  async function away(...ids) {
    for (const id of ids) await admin.reject(id, "seen");
  }
});

/** Marks the line of a request, so that another in its place is known. */
function remembers(page, id) {
  return row(page, id).evaluate((line) => void (line.remembered = true));
}

function isTheSame(page, id) {
  return row(page, id).evaluate((line) => line.remembered === true);
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.id ?? "");
}

/** Presses Tab until this element has the focus. */
async function tabsTo(page, id) {
  for (let tries = 0; tries < 40; tries++) {
    if ((await focused(page)) === id) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${id}, but to ${await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200))}`);
}
