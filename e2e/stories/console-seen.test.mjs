// What is seen: where colours are forced, where one is by Tab alone, on a phone while news come, and small things that
// make a difference to who looks.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { lookForced } from "../lib/look.mjs";
import { fails } from "../lib/network.mjs";
import { INBOX, approves, asksToReject, card, isLookedAt, news, row } from "../lib/room.mjs";
import { drawn, ringsByTab, unreadable } from "../lib/seen.mjs";
import { PHONE, TABLET, place, taps } from "../lib/touch.mjs";
import { sendJson, startUpstream } from "../lib/upstream.mjs";

const definition = (name, description, destructiveHint) =>
  JSON.stringify({ name, description, inputSchema: { type: "object" }, annotations: { destructiveHint } });
const FORCED = { media: { forcedColors: "active", colorScheme: "dark" } };
const DECISION = /\/(approve|reject)$/;

describe("what is seen of the console", () => {
  let gateway, agent, bank, admin, upstream;
  let decided, compared, destructive, changed, others;

  before(async () => {
    upstream = await startUpstream({
      tools: [definition("delete_customer", "Deletes.", true), definition("change", "Moves money.", false)],
      answer: (_name, _body, id, response) => sendJson(response, id, '{"content":[{"type":"text","text":"done"}]}'),
    });
    gateway = await startGateway({ PERMESSO_HOLD_SECONDS: "*=0" });
    admin = await signIn(gateway);
    await admin.offer({
      connection: "bank",
      kind: "streamable_http",
      config: { url: upstream.url },
      toolkit: "bank",
      permission: "needs_approval",
    });
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    bank = await connect(gateway.toolkit("bank"), gateway.agentKey);
    const bill = { customer: "Brightwater Ltd", amount_cents: 1290, currency: "EUR" };
    decided = held(await call(agent, "send_invoice", bill)).approval_id;
    await admin.approve(decided);
    await call(agent, "send_invoice", bill);
    compared = held(await call(agent, "send_invoice", { ...bill, customer: "Brightw\u0430ter Ltd" })).approval_id;
    destructive = held(await call(bank, "delete_customer", { id: 7 })).approval_id;
    upstream.tools[1] = definition("change", "Moves money, and tells a friend.", false);
    await admin.acme("POST", "/connections/bank/refresh");
    changed = held(await call(bank, "change", { to: "a friend", lines: { one: [1, 2] } })).approval_id;
    others = [];
    for (let n = 1; n <= 9; n++) others.push(await ask(`Other ${n}`));
  });
  after(async () => {
    await agent?.close();
    await bank?.close();
    await gateway?.stop();
    await upstream?.stop();
  });

  async function ask(customer) {
    return held(await call(agent, "send_invoice", { customer, amount_cents: 5, currency: "EUR" })).approval_id;
  }

  tells("where colours are forced, requests say by lines and highlights what colours say elsewhere", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?selected=${compared}`, ...FORCED });
    const { page } = mara;
    await isLookedAt(page, compared);
    await isForced(mara, "forced-inbox");
    const navigation = page.getByRole("navigation", { name: "Main" });
    await stands(row(page, compared), row(page, destructive), "the selected request");
    await stands(page.getByRole("tab", { selected: true }), page.getByRole("tab", { selected: false }), "a tab");
    await stands(navigation.getByRole("link", { name: /^Inbox/ }), navigation.getByRole("link", { name: "Audit" }), "a page");
    await page.getByRole("button", { name: /^Account / }).click();
    await stands(page.locator(".themes [aria-pressed=true]"), page.locator(".themes [aria-pressed=false]"), "a theme");
    await page.keyboard.press("Escape");
    for (const flag of ["destructive", "tool changed"]) await page.locator(".row .word", { hasText: flag }).locator(".i").first().waitFor();
    const [marker, paper] = [await drawn(card(page).locator(".args mark")), await drawn(card(page).locator(".args dd"))];
    assert.notEqual(marker.ground, paper.ground, "a new value");
    const approve = page.getByRole("button", { name: /^Approve(?! again)/ });
    const [primary, plain] = [await drawn(approve), await drawn(page.getByRole("button", { name: "Reject", exact: true }))];
    assert.notEqual(primary.border, plain.border, "what most people came for");

    await rings(mara, "in forced colours", 20);
    await row(page, compared).focus();
    const focused = await row(page, compared).evaluate((row) => getComputedStyle(row).outlineColor);
    assert.notEqual(focused, (await drawn(row(page, compared))).ground, "a ring stands out from what is highlighted");

    await approves(page);
    await page.locator(".decide .btn:is(.go, .stop)[aria-disabled=true]").first().waitFor();
    const inert = await drawn(page.locator(".decide .btn:is(.go, .stop)[aria-disabled=true]"));
    assert.match(inert.border, /^dashed/, "what cannot be pressed yet");
    assert.notEqual(inert.ink, primary.ink);
    await page.getByRole("button", { name: "Undo" }).last().click();
    await news(page, "Undone").waitFor();

    await mara.goes(`${INBOX}?tab=decided&selected=${decided}`);
    await isLookedAt(page, decided);
    await isForced(mara, "forced-decided");
    await mara.goes(`/acme/approvals/${changed}`);
    await card(page).getByText("History").waitFor();
    assert.equal((await drawn(card(page).locator(".more, .gap"))).line, "underline", "what unfolds");
    await isForced(mara, "forced-request");
    await page.locator(".decide .btn.go[aria-disabled=false]").first().waitFor();
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: /^Reject / }).waitFor();
    assert.notEqual((await drawn(page.locator("dialog .btn.stop"))).border, plain.border, "what refuses");
    await isForced(mara, "forced-reject");
  });

  tells("where colours are forced, all other pages can be read, too", async (people) => {
    const stranger = await people.stranger(gateway, FORCED);
    await stranger.goes("/login");
    await isForced(stranger, "forced-sign-in");
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/audit?status=held", ...FORCED });
    const { page } = mara;
    await page.locator("a.to-record").first().waitFor();
    await isForced(mara, "forced-audit");
    const live = page.getByRole("button", { name: "Live" });
    const on = await drawn(live);
    await live.click();
    await page.locator("[aria-label=Live][aria-pressed=false]").waitFor();
    assert.notEqual((await drawn(live)).ground, on.ground, "a switch that is on, and off");
    await isForced(mara, "forced-audit-still");
    await mara.goes("/acme/people");
    const line = page.getByRole("row", { name: new RegExp(gateway.dev.owner_email) });
    await line.waitFor();
    await isForced(mara, "forced-people");
    await line.getByRole("button", { name: /^Change role/ }).click();
    await page.getByRole("dialog").waitFor();
    await isForced(mara, "forced-people-change");
    await mara.goes(INBOX);
    await card(page).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
    await isForced(mara, "forced-keys");
  });

  tells("Tab shows where one is by one ring, the same everywhere, whole and under nothing", async (people) => {
    const stranger = await people.stranger(gateway);
    await stranger.goes("/login");
    const { ring } = await rings(stranger, "sign-in", 2);
    const mara = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?selected=${compared}` });
    const { page } = mara;
    const same = async (where, least) => assert.equal((await rings(mara, where, least)).ring, ring, where);
    await isLookedAt(page, compared);
    await same("the inbox", 20);
    await page.locator("#content").focus();
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: /^Reject / }).waitFor();
    await same("a rejection", 7);
    await page.keyboard.press("Escape");
    await mara.goes(`/acme/approvals/${changed}`);
    await page.getByRole("button", { name: "Add a note" }).click();
    await same("a request", 15);
    await page.setViewportSize({ width: 360, height: 740 });
    await mara.goes(`/acme/approvals/${changed}`);
    await card(page).getByText("History").waitFor();
    await same("a request on a narrow screen", 6);
    await mara.goes("/acme/people");
    const line = page.getByRole("row", { name: new RegExp(gateway.dev.owner_email) });
    await line.waitFor();
    await same("people on a narrow screen", 5);
    await page.setViewportSize({ width: 1280, height: 900 });
    await line.getByRole("button", { name: /^Change role/ }).click();
    await page.getByRole("dialog").waitFor();
    await same("another role", 3);
    await page.keyboard.press("Escape");
    await mara.goes("/acme/audit");
    await page.locator("a.to-record").first().waitFor();
    await same("the audit", 20);
    await page.goto(new URL(await page.locator("a.to-record").first().getAttribute("href"), page.url()).href);
    await page.getByRole("button", { name: "JSON", exact: true }).waitFor();
    await same("a record", 8);
    await mara.goes("/me");
    await page.getByText("This session").waitFor();
    await same("oneself", 5);
  });

  tells("on a phone news lie over no line that is wanted, nor over what one decides with", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, ...PHONE });
    const { page } = mara;
    const back = page.getByRole("button", { name: "Back to the inbox" });
    const approve = page.getByRole("button", { name: /^Approve(?! again)/, disabled: false });
    const approved = others.slice(0, 2);
    for (const id of approved) {
      await taps(page, row(page, id));
      await page.waitForURL(new RegExp(id));
      await taps(page, approve);
      await page.waitForURL((url) => !url.href.includes(id));
      await place(page.locator(".decide").getByRole("button", { name: "Reject", exact: true }));
      const [said, button] = [await page.locator(".decide .sent").boundingBox(), await approve.boundingBox()];
      assert.ok(said.y + said.height <= button.y + 1, `news end at ${said.y + said.height}, the buttons begin at ${button.y}`);
      await taps(page, back);
    }
    // While they are there, every line can be brought before one's finger.
    for (const id of [destructive, ...others.slice(2)]) {
      await row(page, id).scrollIntoViewIfNeeded();
      await place(row(page, id));
    }
    assert.equal(await news(page, /approved|Approving/).filter({ visible: true }).count(), 1, "they were there, in one line");
    await taps(page, row(page, others.at(-1)));
    await page.waitForURL(new RegExp(others.at(-1)));
  });

  tells("a decision that failed is offered again on one line, in the bar where it spoke all the time", async (people) => {
    const id = await ask("Fails");
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${id}` });
    const { page } = mara;
    const failing = await fails(mara, DECISION, { status: 503 });
    await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
    const heard = await hears(page);
    const { reason } = await asksToReject(page);
    await reason.fill("no");
    await reason.press("ControlOrMeta+Enter");
    await failing.done;
    const lost = news(page, "was not rejected");
    const again = lost.getByRole("button", { name: "Send again" });
    await again.waitFor();
    for (const size of [PHONE.viewport, { width: 1280, height: 900 }]) {
      await page.setViewportSize(size);
      await isOnOneLine(again);
      const buttons = await lost.getByRole("button").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().bottom));
      assert.ok(Math.max(...buttons) - Math.min(...buttons) < 24, `what can be done stands side by side: ${buttons}`);
      const words = await lost.locator("> span").first().boundingBox();
      assert.ok(words.width >= 200, `there is room for words: ${words.width} px`);
      await place(page.getByRole("button", { name: /^Approve(?! again)/ }));
    }
    await lost.locator("[aria-disabled=false]", { hasText: "Send again" }).waitFor();
    await again.click();
    await news(page, "send_invoice rejected").waitFor();
    assert.equal((await admin.approval(id)).status, "rejected");

    const said = await heard();
    assert.deepEqual(said.regions, ["status", "status"]);
    for (const part of ["Rejecting send_invoice", "send_invoice was not rejected", "send_invoice rejected"]) {
      assert.ok(said.texts.some((text) => text.includes(part)), `${part} is said, of ${said.texts}`);
    }
    assert.ok(said.texts.every((text) => !/\d s/.test(text)), "the seconds are for eyes");
    assert.equal(said.made, 1, "what failed is said once, and all else in the line");
  });

  tells("Z twice in one go takes back one decision, and Z once more the one before", async (people) => {
    const ids = [await ask("Back 1"), await ask("Back 2"), await ask("Back 3")];
    const mara = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?selected=${ids[0]}` });
    const { page } = mara;
    const sent = [];
    page.on("request", (request) => DECISION.test(request.url()) && sent.push(request.url()));
    await isLookedAt(page, ids[0]);
    for (const [n, id] of ids.slice(0, 2).entries()) {
      await page.locator(`#request-${id}[aria-current=true]`).waitFor();
      await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
      // The key that has just decided rests as long as the button.
      await page.keyboard.press("a");
      await news(page, n === 0 ? "Approving send_invoice" : "2 approved").waitFor();
    }
    await page.keyboard.press("z");
    await page.keyboard.press("z");
    await news(page, "Undone").waitFor();
    await isLookedAt(page, ids[1]);
    assert.equal(await news(page, "Approving").count(), 1, "a second press in one go does nothing");
    await page.setViewportSize(PHONE.viewport);
    assert.ok(await page.getByRole("button", { name: "Undo", exact: true }).isVisible(), "what can be undone stays in reach");
    await page.setViewportSize({ width: 1280, height: 900 });
    // The key rests for as long as isLookedAt waits, and a little longer.
    await page.waitForTimeout(250);
    await page.keyboard.press("z");
    await news(page, "Approving").waitFor({ state: "detached" });
    await news(page, "Undone").waitFor();
    await page.locator(`#request-${ids[0]}[aria-current=true]`).waitFor();
    assert.deepEqual(sent, []);
    for (const id of ids) await admin.reject(id, "seen");
  });

  tells("who signs in again writes the password at once, and loses nothing of it to what else is read", async (people) => {
    const nora = { email: "nora@example.com", password: "quite a long pass phrase" };
    await admin.acme("POST", "/members", { ...nora, role: "approver" });
    const there = await people.enter(gateway, nora, { at: INBOX });
    there.foresees(/^answer 401 /);
    const { page } = there;
    await card(page).waitFor();
    await page.context().clearCookies();
    await row(page, others[3]).click();
    const again = page.getByRole("dialog", { name: "Sign in again" });
    const password = again.getByLabel("Password");
    await password.and(page.locator(":focus")).waitFor();
    await page.keyboard.type(nora.password.slice(0, 9));
    const refused = page.waitForResponse((response) => response.status() === 401);
    const id = await ask("While away");
    await refused;
    await page.keyboard.type(nora.password.slice(9));
    assert.equal(await password.inputValue(), nora.password);
    await page.keyboard.press("Enter");
    await again.waitFor({ state: "hidden" });
    await row(page, id).waitFor();
    await admin.reject(id, "seen");
  });

  tells("who has no keys is shown none", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?selected=${compared}`, ...TABLET });
    const keys = page.locator("kbd, .keys-only, .hint").filter({ visible: true });
    await card(page).getByText("History").waitFor();
    for (const { viewport } of [TABLET, PHONE]) {
      await page.setViewportSize(viewport);
      assert.equal(await keys.count(), 0, `${viewport.width} px wide`);
    }
    await taps(page, page.getByRole("button", { name: "Back to the inbox" }));
    await row(page, compared).waitFor();
    assert.equal(await keys.count(), 0, "the list");
    await taps(page, row(page, compared));
    await taps(page, page.getByRole("button", { name: "Reject", exact: true }));
    await page.getByRole("dialog", { name: /^Reject / }).waitFor();
    assert.equal(await keys.count(), 0, "a dialog");
  });

  tells("the page at an agent's address says that who makes a key cannot decide for it", async (people) => {
    const { page } = await people.stranger(gateway);
    await page.goto(gateway.mcpUrl);
    await page.getByText(/Neither the owner nor who made or rotated the key can decide on its requests/).waitFor();
  });
});

/** What is shown where colours are forced can be read, in light and dark; it is kept to be looked at. */
async function isForced(person, name) {
  const { page } = person;
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, forcedColors: "active" });
    assert.deepEqual(await unreadable(page), [], `${name}, ${colorScheme}`);
  }
  await lookForced(person, name);
  await page.emulateMedia(FORCED.media);
}

/** What is chosen is highlighted, and the rest is not. */
async function stands(chosen, other, what) {
  const [one, two] = [await drawn(chosen), await drawn(other)];
  assert.notEqual(one.ground, two.ground, `${what} that is chosen`);
}

/** Walks around a page by Tab; gives the ring, and how many elements had it. */
async function rings({ page }, where, least) {
  const met = await ringsByTab(page);
  const wrong = met.flatMap(({ what, wrong }) => wrong.map((fault) => `${what}: ${fault}`));
  assert.deepEqual(wrong, [], where);
  assert.ok(met.length >= least, `${where}: ${met.map(({ what }) => what).join(", ")}`);
  // What is chosen where colours are forced has a ring that stands out from the highlight.
  const kinds = new Set(met.map(({ ring }) => ring).filter((ring) => !ring.endsWith("on a highlight")));
  assert.equal(kinds.size, 1, `${where}: ${[...kinds]}`);
  return { ring: [...kinds][0] };
}

async function isOnOneLine(button) {
  const { lines, height } = await button.evaluate((button) => {
    const words = document.createRange();
    words.selectNodeContents(button);
    return { lines: new Set([...words.getClientRects()].map(({ top }) => Math.round(top))).size, height: button.clientHeight };
  });
  assert.ok(lines <= 1 && height <= 44, `${lines} lines, ${height} px`);
}

/** Listens to the news as a screen reader does; what it gives says what was heard since. */
async function hears(page) {
  await page.evaluate(() => {
    const bar = document.querySelector(".decide");
    const regions = [...bar.querySelectorAll(".louds, .sent")];
    window.heard = { made: 0, texts: [], regions: regions.map(({ role }) => role) };
    new MutationObserver((changes) => {
      const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
      window.heard.made += added.filter((node) => node.matches?.(".loud")).length;
      for (const region of regions) {
        const copy = region.cloneNode(true);
        for (const hidden of copy.querySelectorAll("[aria-hidden=true]")) hidden.remove();
        window.heard.texts.push(copy.textContent);
      }
    }).observe(bar, { childList: true, subtree: true, characterData: true });
  });
  return () => page.evaluate(() => window.heard);
}
