// A person decides in the browser what an agent asks: by mouse, by keyboard only, and back again.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, refused, statusOf, textOf } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { INBOX, approves, asksToReject, card, isLookedAt, looksAt, news, row } from "../lib/room.mjs";

const invoice = (customer) => ({ customer, amount_cents: 4200, currency: "EUR" });

describe("in the console", () => {
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

  tells("a call arrives in an open inbox, is approved, runs, and is on record", async (people) => {
    const mara = await people.stranger(gateway);
    await mara.goes("/");
    await mara.page.waitForURL(/\/login/);
    await mara.signsIn(credentials(gateway));
    await mara.page.waitForURL(/\/acme\/inbox/);
    await mara.page.getByText("Nothing to review").waitFor();
    await stays(mara.page);

    const asked = call(agent, "send_invoice", invoice("Ada & Söhne"));
    // Before the call is held for long enough to be told that it waits.
    await mara.page.locator('[id^="request-"]').first().waitFor({ timeout: 3_000 });
    const { approval_id } = held(await asked);
    await row(mara.page, approval_id).waitFor();
    assert.match(await mara.page.title(), /^\(1\) Inbox/);

    await looksAt(mara.page, approval_id);
    for (const shown of ["send_invoice", "Ada & Söhne", "4200", "EUR", "sample agent"]) {
      assert.ok((await card(mara.page).innerText()).includes(shown), `the request shows ${shown}`);
    }
    await card(mara.page).getByText("Tool description and caller").click();
    await card(mara.page).getByText(gateway.agentKey.slice(0, 8)).waitFor();
    await approves(mara.page);
    assert.equal((await admin.approval(approval_id)).status, "pending", "nothing is sent while it can be undone");
    await news(mara.page, "send_invoice approved").waitFor();
    assert.equal(await gateway.invoicesSent(), 0, "an approval waits for the agent");

    const answer = await call(agent, "send_invoice", invoice("Ada & Söhne"));
    assert.ok(!answer.isError, textOf(answer));
    assert.equal(answer.structuredContent.customer, "Ada & Söhne");
    assert.equal((await gateway.ledger()).invoices.length, 1);

    await mara.page.getByRole("link", { name: "Audit" }).click();
    const run = mara.page
      .getByRole("row")
      .filter({ has: mara.page.getByText("send_invoice", { exact: true }) })
      .filter({ has: mara.page.getByText("ran") });
    await run.locator("a.to-record").first().click();
    await mara.page.waitForURL(/\/acme\/audit\?selected=[0-9a-f-]+/);
    const side = mara.page.getByRole("complementary", { name: "Record" });
    for (const title of ["Arguments", "Result"]) await side.getByRole("heading", { name: title, exact: true }).waitFor();
    const record = await side.innerText();
    assert.ok(record.split("Ada & Söhne").length > 2, "what was asked, and what was answered");
    await side.getByRole("link", { name: "Open request" }).click();
    await mara.page.waitForURL(new RegExp(`/acme/approvals/${approval_id}`));
    await card(mara.page).getByText(credentials(gateway).email).first().waitFor();
    await stayed(mara.page);
  });

  tells("an approval taken back within five seconds leaves the request waiting", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Undone")));
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    const decided = posts(mara.page, /\/(approve|reject)$/);
    await looksAt(mara.page, approval_id);
    await approves(mara.page);
    await news(mara.page, "Approving send_invoice").getByRole("button", { name: "Undo" }).click();
    await news(mara.page, "Undone").waitFor();
    await isLookedAt(mara.page, approval_id);
    await mara.page.getByRole("button", { name: /^Approve(?! again)/ }).waitFor();
    // Longer than the decision would have waited.
    await mara.page.waitForTimeout(5_500);
    assert.deepEqual(decided, []);
    assert.equal((await statusOf(agent, approval_id)).status, "pending");
  });

  tells("a decision builds nothing on the card that one leaves with it", async (people) => {
    const first = held(await call(agent, "send_invoice", invoice("Leaves 1"))).approval_id;
    const second = held(await call(agent, "send_invoice", invoice("Leaves 2"))).approval_id;
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(mara.page, first);
    await mara.page.evaluate(() => {
      window.bar = document.querySelector(".decide");
      window.built = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) window.built.push(node.textContent);
      }).observe(document.querySelector(".sheet"), { childList: true, subtree: true });
    });
    await approves(mara.page);
    await isLookedAt(mara.page, second);
    const built = await mara.page.evaluate(() => window.built);
    assert.ok(built.some((text) => text.includes("Leaves 2")), "the next card was seen to come");
    assert.deepEqual(built.filter((text) => text.includes("Undo this")), []);
    assert.ok(await mara.page.evaluate(() => window.bar === document.querySelector(".decide")), "the bar stays");
    await news(mara.page, "Approving").getByRole("button", { name: "Undo" }).click();
    await news(mara.page, "Undone").waitFor();
    await isLookedAt(mara.page, first);
    for (const id of [first, second]) await admin.reject(id, "seen");
  });

  tells("a tab closed within five seconds leaves the request waiting", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Closed")));
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(mara.page, approval_id);
    await approves(mara.page);
    const asked = mara.page.waitForEvent("dialog");
    mara.page.close({ runBeforeUnload: true });
    const question = await asked;
    assert.equal(question.type(), "beforeunload", "somebody who leaves too early is asked");
    await question.accept();

    const later = await mara.context.newPage();
    mara.watch(later);
    await later.goto(INBOX);
    await looksAt(later, approval_id);
    await later.getByRole("button", { name: /^Approve(?! again)/ }).waitFor();
    await later.waitForTimeout(5_500);
    assert.equal((await admin.approval(approval_id)).status, "pending");
  });

  tells("a rejection's reason reaches the agent word for word", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Refused")));
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(mara.page, approval_id);
    const { dialog, reason } = await asksToReject(mara.page);
    await dialog.getByRole("button", { name: "Reject", exact: true }).click();
    await dialog.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    assert.ok(await dialog.isVisible(), "a rejection needs a reason");
    await dialog.getByRole("button", { name: "Wrong arguments" }).click();
    const preset = await reason.inputValue();
    assert.ok(preset.length > 10);
    const typed = " »Refused« is no customer of ours; ask for the <number> first & try again.";
    await reason.press("ControlOrMeta+End");
    await reason.pressSequentially(typed);
    const words = `${preset}${typed}`;
    assert.equal(await reason.inputValue(), words);
    await reason.press("ControlOrMeta+Enter");
    await news(mara.page, "send_invoice rejected").waitFor();

    const answer = refused(await call(agent, "send_invoice", invoice("Refused")));
    assert.ok(answer.includes(words), answer);
    assert.equal((await statusOf(agent, approval_id)).reason, words);
  });

  tells("it all goes by keyboard, and one always sees where one is", async (people) => {
    const mara = await people.stranger(gateway);
    const keys = keyboard(mara.page);
    await mara.goes(INBOX);
    await mara.page.waitForURL(/\/login/);
    await mara.page.locator("input:focus").waitFor();
    await keys.types(gateway.adminEmail);
    await keys.press("Tab");
    await keys.types(gateway.adminPassword);
    await keys.press("Enter");
    await mara.page.waitForURL(/\/acme\/inbox/);
    await mara.page.getByRole("heading", { name: "Inbox" }).waitFor();

    const first = held(await call(agent, "send_invoice", invoice("Keys 1"))).approval_id;
    const second = held(await call(agent, "send_invoice", invoice("Keys 2"))).approval_id;
    for (const id of [first, second]) await row(mara.page, id).waitFor();

    await keys.presses("j", () => isCurrent(mara.page, second));
    await keys.presses("k", () => isCurrent(mara.page, first));
    await isLookedAt(mara.page, first);
    await keys.seen("on a request");
    await keys.press("a");
    await news(mara.page, "Approving send_invoice").waitFor();
    await keys.seen("after a decision");
    await keys.press("z");
    await news(mara.page, "Undone").waitFor();
    await isLookedAt(mara.page, first);
    await keys.seen("after taking one back");
    await keys.press("a");
    await news(mara.page, "Approving send_invoice").waitFor();
    await keys.seen("after a decision");
    await news(mara.page, "send_invoice approved").waitFor();
    await keys.seen("once it is sent");
    assert.equal((await admin.approval(first)).status, "approved");

    await keys.presses("j", () => isCurrent(mara.page, second));
    await isLookedAt(mara.page, second);
    await keys.press("r");
    await mara.page.getByRole("dialog", { name: /^Reject / }).waitFor();
    await keys.seen("in the dialog");
    await keys.types("Not by keyboard.");
    await keys.press("Control+Enter");
    await keys.seen("after a rejection");
    await news(mara.page, "send_invoice rejected").waitFor();
    await keys.seen("once it is sent");
    assert.ok(!(await call(agent, "send_invoice", invoice("Keys 1"))).isError);
    assert.ok(refused(await call(agent, "send_invoice", invoice("Keys 2"))).includes("Not by keyboard."));

    await keys.press("?");
    const help = mara.page.getByRole("dialog", { name: "Shortcuts" });
    await help.waitFor();
    await keys.press("Escape");
    await help.waitFor({ state: "hidden" });

    await keys.tabsTo(mara.page.getByRole("link", { name: "Audit" }));
    await keys.press("Enter");
    await mara.page.waitForURL(/\/acme\/audit$/);
    const link = mara.page.locator("tr", { hasText: "send_invoice" }).locator("a.to-record").first();
    await link.waitFor();
    await keys.tabsTo(link);
    await keys.press("Enter");
    await mara.page.waitForURL(/\/acme\/audit\?selected=[0-9a-f-]+/);
    await mara.page.locator("#record:focus").waitFor();
    await mara.page.getByRole("heading", { name: "Arguments", exact: true }).waitFor();
  });
});

/** Leaves a mark that no reload survives. */
function stays(page) {
  return page.evaluate(() => void (window.sameLoad = true));
}

async function stayed(page) {
  assert.ok(await page.evaluate(() => window.sameLoad), "the page was loaded once");
}

function isCurrent(page, id) {
  return page.locator(`#request-${id}[aria-current="true"]`).isVisible();
}

/** What is posted from now on. */
function posts(page, pattern) {
  const sent = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && pattern.test(request.url())) sent.push(request.url());
  });
  return sent;
}

/** Somebody without a mouse. */
function keyboard(page) {
  const keys = {
    press: (key) => page.keyboard.press(key),
    types: (text) => page.keyboard.type(text),

    /** Presses a key until something is so. */
    async presses(key, reached) {
      for (let tries = 0; tries < 30; tries++) {
        if (await reached()) return;
        await page.keyboard.press(key);
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      }
      assert.fail(`${key} does not lead there`);
    },

    async tabsTo(locator) {
      await keys.presses("Tab", () => locator.evaluate((element) => element === document.activeElement));
      await keys.seen();
    },

    /** The focus is somewhere, in the window, and can be seen; it moves with what appears, so it may need a moment to arrive. */
    async seen(when = "") {
      for (const until = Date.now() + 2_000; ; ) {
        const focus = await page.evaluate(focused);
        const fault = focus.fault && `the focus ${focus.fault} ${when} on ${focus.what}`;
        if (!fault) return;
        assert.ok(Date.now() < until, fault);
        await page.evaluate(() => new Promise(requestAnimationFrame));
      }
    },
  };
  return keys;
}

/** Runs in the page: where the focus is, and what is wrong with it. */
function focused() {
  const { activeElement: element } = document;
  const outlined = (element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  };
  const row = element.closest("tr, [role=row]");
  // A title that the focus passes through, for those who listen, has no ring: it stands at the top of what one reads.
  const title = element.matches("h1, h2") && element.tabIndex === -1;
  const marked = title || outlined(element) || getComputedStyle(element).boxShadow !== "none" || (row && outlined(row));
  const { top, bottom, width, height } = element.getBoundingClientRect();
  const there = width > 0 && height > 0 && bottom > 0 && top < innerHeight;
  let fault = null;
  if (element === document.body) fault = "is lost";
  else if (!marked) fault = "cannot be seen";
  else if (!there) fault = "is out of the window";
  return { what: element.outerHTML.slice(0, 120), fault };
}
