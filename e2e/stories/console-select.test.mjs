// The inbox's tools: filters and orders that survive a reload, and several requests decided in one go, by keyboard, mouse
// and finger.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { keyMaker, signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { INBOX, isLookedAt, looksAt, row } from "../lib/room.mjs";
import { PHONE, place, taps } from "../lib/touch.mjs";

describe("the inbox's tools", () => {
  let gateway, admin, one, other;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
    const makeKey = await keyMaker(gateway);
    [one, other] = await Promise.all(
      ["first caller", "second caller"].map(async (name) => connect(gateway.mcpUrl, await makeKey(name, { hold_seconds: 0 }))),
    );
  });
  after(async () => {
    await one?.close();
    await other?.close();
    await gateway?.stop();
  });

  tells("a filter is a chip, stands in the address, and survives a reload", async (people) => {
    const [mine, theirs] = [await ask(one, "Filter"), await ask(other, "Filter too")];
    const { page } = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await row(page, theirs).waitFor();
    await page.getByRole("button", { name: "Filter and sort" }).click();
    await page.getByRole("combobox", { name: "Caller" }).selectOption("first caller");
    await row(page, theirs).waitFor({ state: "hidden" });
    await row(page, mine).waitFor();
    assert.match(page.url(), /caller=first(%20|\+)caller/);
    await page.reload();
    await row(page, mine).waitFor();
    await row(page, theirs).waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Remove filter: first caller" }).click();
    await row(page, theirs).waitFor();
    await page.getByRole("button", { name: "Filter and sort" }).click();
    await page.getByRole("button", { name: "Group alike" }).click();
    await page.getByRole("heading", { name: /^send_invoice · / }).waitFor();
    assert.match(page.url(), /group=tool/);
    await admin.rejectAll();
  });

  tells("the same call of two callers is approved in one go, and taken back in one go", async (people) => {
    const [mine, theirs] = [await ask(one, "Twins"), await ask(other, "Twins")];
    const { page } = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?selected=${mine}` });
    await isLookedAt(page, mine);
    await row(page, theirs).getByText("2 alike").waitFor();
    await page.keyboard.press("x");
    await page.keyboard.press("Shift+j");
    const bar = page.getByRole("group", { name: "Selected requests" });
    await bar.getByText("2 selected").waitFor();
    const approve = bar.getByRole("button", { name: "Approve 2", disabled: false });
    await approve.waitFor();
    await approve.click();
    await bar.waitFor({ state: "detached" });
    for (const id of [mine, theirs]) await row(page, id).getByText("Approving").waitFor();
    await page.waitForTimeout(800);
    await page.keyboard.press("z");
    for (const id of [mine, theirs]) await row(page, id).getByText("Approving").waitFor({ state: "detached" });
    for (const id of [mine, theirs]) assert.equal((await admin.approval(id)).status, "pending");
    await admin.rejectAll();
  });

  tells("what differs is not approved in one go, and the bar says why; it is rejected with one reason", async (people) => {
    const ids = [await ask(one, "Left"), await ask(one, "Middle"), await ask(other, "Right")];
    const { page } = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(page, ids[0]);
    await row(page, ids[0]).click({ modifiers: ["Shift"] });
    await row(page, ids[2]).click({ modifiers: ["Shift"] });
    const bar = page.getByRole("group", { name: "Selected requests" });
    await bar.getByText("3 selected").waitFor();
    await bar.getByText("Their arguments differ").waitFor();
    assert.equal(await bar.getByRole("button", { name: "Approve 3" }).getAttribute("aria-disabled"), "true");
    await bar.getByRole("button", { name: "Reject…", disabled: false }).click();
    const dialog = page.getByRole("dialog", { name: "Reject 3 requests?" });
    await dialog.getByRole("textbox", { name: "Your reason" }).fill("none of these");
    await page.keyboard.press("Control+Enter");
    await bar.waitFor({ state: "detached" });
    await page.waitForTimeout(6_500);
    for (const id of ids) {
      const { status, decision_reason } = await admin.approval(id);
      assert.deepEqual([status, decision_reason], ["rejected", "none of these"]);
    }
  });

  tells("a finger that stays on a row selects it, and taps select more", async (people) => {
    const ids = [await ask(one, "Finger"), await ask(other, "Finger too")];
    const { page } = await people.enter(gateway, credentials(gateway), { at: INBOX, ...PHONE });
    await row(page, ids[1]).waitFor();
    const { x, y } = await place(row(page, ids[0]));
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
    await page.waitForTimeout(700);
    await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    const bar = page.getByRole("group", { name: "Selected requests" });
    await bar.getByText("1 selected").waitFor();
    assert.ok(!page.url().includes("selected="), "nothing was opened");
    await taps(page, row(page, ids[1]));
    await bar.getByText("2 selected").waitFor();
    await taps(page, bar.getByRole("button", { name: "Clear" }));
    await bar.waitFor({ state: "detached" });
    await taps(page, page.getByRole("button", { name: "Select several" }));
    await bar.getByText("0 selected").waitFor();
    await taps(page, page.getByRole("checkbox", { name: "Select" }).first());
    await bar.getByText("1 selected").waitFor();
    await admin.rejectAll();
  });

  async function ask(agent, customer) {
    return held(await call(agent, "send_invoice", { customer, amount_cents: 5, currency: "EUR" })).approval_id;
  }
});
