// The inbox under a person's hands: it does not jump, it fits a phone, and it says why one may not.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { INBOX, approves, asksToReject, card, isLookedAt, looksAt, news, row, sees } from "../lib/room.mjs";

describe("the console's inbox", () => {
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

  tells("does not move under a pointer, and lets new requests in when asked", async (people) => {
    const [first, second] = [await ask("First"), await ask("Second")];
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await row(mara.page, second).hover();
    const place = await row(mara.page, second).boundingBox();
    const third = await ask("Third");
    const arrived = mara.page.getByRole("button", { name: /1 new/ });
    await arrived.waitFor({ timeout: 3_000 });
    assert.equal(await row(mara.page, third).count(), 0);
    assert.deepEqual(await row(mara.page, second).boundingBox(), place, "nothing has moved");
    await admin.approve(first);
    await row(mara.page, first).getByText(/approved/).waitFor();
    assert.deepEqual(await row(mara.page, second).boundingBox(), place, "a line decided elsewhere stays, and says so");
    await arrived.click();
    await row(mara.page, third).waitFor();
    for (const id of [second, third]) await admin.reject(id, "seen");
  });

  tells("a page that nobody sees keeps no connection, and is current when it is seen again", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await mara.page.getByRole("heading", { name: "Inbox" }).waitFor();
    await sees(mara.page, "hidden");
    const unseen = await ask("Unseen");
    // The control: a page that is seen has it at once.
    const other = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await row(other.page, unseen).waitFor();
    const seen = await ask("Unseen too");
    await row(other.page, seen).waitFor();
    // Nothing tells that nothing comes: a stream would have had it within this second.
    await mara.page.waitForTimeout(1_000);
    assert.equal(await row(mara.page, seen).count(), 0, "there is no stream that could have told it");
    await sees(mara.page, "visible");
    await row(mara.page, seen).waitFor({ timeout: 3_000 });
    for (const id of [unseen, seen]) await admin.reject(id, "seen");
  });

  tells("a decision stands in the request's history at once", async (people) => {
    const id = await ask("Remembered");
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${id}` });
    const history = card(mara.page).locator(".steps li");
    await history.first().waitFor();
    assert.equal(await history.count(), 1);
    // A request that has just appeared is not decided by a press that was meant for the one before.
    await mara.page.waitForTimeout(500);
    await approves(mara.page);
    await history.filter({ hasText: /^Approved by admin@example\.com/ }).waitFor({ timeout: 8_000 });
    assert.equal(await history.count(), 2);
  });

  tells("fits a phone: the list, a request, a decision, the list again", async (people) => {
    const [first, second] = [await ask("Phone"), await ask("Phone too")];
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX, viewport: { width: 360, height: 780 } });
    await row(mara.page, first).waitFor();
    assert.equal(await card(mara.page).count(), 0, "the list comes first");
    await row(mara.page, first).click();
    await isShown(mara.page, "Phone");
    assert.ok(!(await row(mara.page, second).isVisible()), "then the request alone");
    await approves(mara.page);
    await news(mara.page, "send_invoice approved").waitFor();
    await isShown(mara.page, "Phone too");
    await mara.page.getByRole("button", { name: "Back to the inbox" }).click();
    await row(mara.page, second).waitFor();
    assert.equal((await admin.approval(first)).status, "approved");
    assert.equal((await admin.approval(second)).status, "pending");
    await mara.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Audit" }).click();
    await mara.page.waitForURL(/\/acme\/audit$/);
    await admin.reject(second, "seen");
  });

  tells("says so when somebody else decides while one writes, and keeps what was written", async (people) => {
    const id = await ask("Overtaken");
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(mara.page, id);
    const { dialog, reason } = await asksToReject(mara.page);
    await reason.pressSequentially("I was about to say no");
    await admin.approve(id);
    await dialog.getByText("This can no longer be rejected").waitFor();
    assert.equal(await reason.inputValue(), "I was about to say no");
    const sent = [];
    mara.page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
    await reason.press("ControlOrMeta+Enter");
    await dialog.getByRole("button", { name: "Reject", exact: true }).click({ force: true });
    await mara.page.waitForTimeout(500);
    assert.ok(await dialog.isVisible());
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.deepEqual(sent, []);
    assert.equal((await admin.approval(id)).status, "approved");
  });

  tells("does not let anybody decide for their own key, and says why", async (people) => {
    const id = await ask("Own");
    const { owner_email: email, owner_password: password } = gateway.dev;
    const sam = await people.enter(gateway, { email, password }, { at: `/acme/approvals/${id}` });
    await card(sam.page).waitFor();
    const why = sam.page.getByText("You cannot decide this:");
    await why.waitFor();
    assert.match(await why.locator("..").innerText(), /own|your/i);
    assert.equal(await sam.page.getByRole("button", { name: "Approve" }).count(), 0);
    await sam.page.keyboard.press("a");
    await sam.page.keyboard.press("r");
    await sam.page.waitForTimeout(500);
    assert.equal(await sam.page.getByRole("dialog").count(), 0);
    assert.equal(await news(sam.page, "send_invoice").count(), 0);
    await sam.goes(INBOX);
    const others = sam.page.getByRole("heading", { name: "Needs another approver" });
    await others.waitFor();
    await looksAt(sam.page, id);
    const [heading, first] = [await others.boundingBox(), await sam.page.locator("[id^=request-0]").first().boundingBox()];
    assert.ok(first.y - heading.y < 64, "a heading stands over what it names");
    await admin.reject(id, "seen");
    await row(sam.page, id).getByText(/rejected/).waitFor();
  });

  tells("finds what is searched for, and shows what was decided", async (people) => {
    const [one, two] = [await ask("Needle"), await ask("Hay")];
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await row(mara.page, two).waitFor();
    await mara.page.keyboard.press("/");
    await mara.page.keyboard.type("needle");
    await row(mara.page, two).waitFor({ state: "hidden" });
    await row(mara.page, one).waitFor();
    assert.match(mara.page.url(), /q=needle/);
    await mara.page.keyboard.press("Escape");
    await row(mara.page, two).waitFor();
    for (const id of [one, two]) await admin.reject(id, "not needed");
    await mara.page.getByRole("tab", { name: "Decided" }).click();
    await looksAt(mara.page, one);
    await card(mara.page).getByText("not needed").first().waitFor();
    await isLookedAt(mara.page, one);
  });

  async function ask(customer) {
    return held(await call(agent, "send_invoice", { customer, amount_cents: 5, currency: "EUR" })).approval_id;
  }

  /** The request of this customer is shown, for long enough to be read. */
  async function isShown(page, customer) {
    await card(page).getByText(customer, { exact: true }).first().waitFor();
    await page.waitForTimeout(500);
  }
});
