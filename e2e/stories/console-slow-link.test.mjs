// A person on a poor link: an inbox that opens all the same, decisions by finger, and reads that fail once and are
// made good by the page itself while its event stream lives.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { SLOW, fails, hangs, slows } from "../lib/network.mjs";
import { INBOX, card, row, sees, selected } from "../lib/room.mjs";
import { PHONE, taps } from "../lib/touch.mjs";

/** How long a page may take to make a failed read good: a pause or two that grow. */
const HEALED_MS = 15_000;

describe("on a poor link", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway({ PERMESSO_HOLD_SECONDS: "*=0" });
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  tells("a request is opened, approved and taken back by finger", async (people) => {
    const [first, second] = [await asksAlone("By finger"), await ask("By finger too")];
    const mara = await people.enter(gateway, credentials(gateway), PHONE);
    const { page } = mara;
    const posts = [];
    page.on("request", (request) => request.method() === "POST" && posts.push(new URL(request.url()).pathname));
    // The program itself is in the browser's cache, as it is for who was here yesterday.
    await mara.goes(INBOX);
    await row(page, first).waitFor();
    const fast = await slows(page, SLOW);
    await page.reload();
    await row(page, first).waitFor({ timeout: 30_000 });
    await taps(page, row(page, first));
    await page.waitForURL(new RegExp(first));
    await approvable(page, "By finger", 30_000);
    await taps(page, page.getByRole("button", { name: /^Approve(?! again)/ }));
    await undo(page).waitFor();
    await taps(page, undo(page));
    await page.getByText(/Undone/).first().waitFor();
    await approvable(page, "By finger");
    assert.equal(selected(page), first, "what was taken back is looked at again");
    assert.deepEqual(posts, []);
    await taps(page, page.getByRole("button", { name: /^Approve(?! again)/ }));
    await settled(admin, first, "approved");
    assert.equal((await admin.approval(second)).status, "pending");
    assert.deepEqual(posts, [`/api/v1/orgs/acme/approvals/${first}/approve`], "sent once");
    await fast();
    await admin.reject(second, "seen");
  });

  // Who one is; the list at first; the request; the number beside "Inbox".
  for (const status of [503, undefined]) {
    const how = status === undefined ? "breaks once" : `is answered ${status} once`;

    tells(`an inbox whose list ${how} opens by itself`, async (people) => {
      const id = await asksAlone(`List ${how}`);
      const mara = await people.enter(gateway, credentials(gateway));
      const failing = await fails(mara, /\/orgs\/acme\/approvals\?.*status=pending/, { status, times: 2 });
      await mara.goes(INBOX);
      await failing.done;
      await row(mara.page, id).waitFor({ timeout: HEALED_MS });
      await nothingWrong(mara.page);
      await admin.reject(id, "seen");
    });

    tells(`a request whose reading ${how} is there by itself`, async (people) => {
      const id = await asksAlone(`Detail ${how}`);
      const mara = await people.enter(gateway, credentials(gateway));
      const failing = await fails(mara, new RegExp(`/orgs/acme/approvals/${id}$`), { status });
      await mara.goes(`/acme/approvals/${id}`);
      await failing.done;
      await card(mara.page).getByText(`Detail ${how}`).first().waitFor({ timeout: HEALED_MS });
      await nothingWrong(mara.page);
      await mara.page.getByRole("button", { name: /^Approve(?! again)/ }).waitFor();
      await admin.reject(id, "seen");
    });

    tells(`a console that cannot find out who one is, because that ${how}, goes on by itself`, async (people) => {
      const id = await asksAlone(`Me ${how}`);
      const mara = await people.enter(gateway, credentials(gateway));
      const failing = await fails(mara, /\/api\/v1\/(me|auth\/session)$/, { status, method: "GET" });
      await mara.page.goto(INBOX);
      await failing.done;
      await row(mara.page, id).waitFor({ timeout: HEALED_MS });
      assert.match(mara.page.url(), /\/acme\/inbox/, "one is not sent to the door");
      await nothingWrong(mara.page);
      await admin.reject(id, "seen");
    });
  }

  tells("a reading that hangs is given up and tried again by itself", async (people) => {
    const id = await asksAlone("Hangs");
    const mara = await people.enter(gateway, credentials(gateway));
    const hanging = await hangs(mara, new RegExp(`/orgs/acme/approvals/${id}$`));
    await mara.goes(`/acme/approvals/${id}`);
    await hanging.done;
    await card(mara.page).getByText("Hangs").first().waitFor({ timeout: HEALED_MS });
    await nothingWrong(mara.page);
    await admin.reject(id, "seen");
  });

  tells("an inbox in which a later read fails becomes current by itself", async (people) => {
    const first = await asksAlone("Before it failed");
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await row(mara.page, first).waitFor();
    await sees(mara.page, "hidden");
    const second = await ask("While hidden");
    await admin.reject(first, "while hidden");
    // Everything that is read when the page is looked at again fails at first.
    const failing = await fails(mara, /\/orgs\/acme\/approvals(\?|\/summary)/, { status: 503, times: 2 });
    await sees(mara.page, "visible");
    await failing.done;
    await row(mara.page, second).waitFor({ timeout: HEALED_MS });
    await mara.page.waitForFunction(() => document.title.startsWith("(1) "), undefined, { timeout: HEALED_MS });
    await nothingWrong(mara.page);
    await admin.reject(second, "seen");
  });

  tells("the number beside the inbox is right again after a read of it failed", async (people) => {
    await admin.rejectAll();
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/audit" });
    await mara.page.getByRole("heading", { name: "Audit" }).waitFor();
    const failing = await fails(mara, /\/orgs\/acme\/approvals(\?|\/summary)/, { status: 503 });
    const id = await ask("Counted");
    await failing.done;
    const inbox = mara.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Inbox/ });
    await inbox.filter({ hasText: /1 waiting/ }).waitFor({ timeout: HEALED_MS });
    await admin.reject(id, "seen");
  });

  /** A request waits, and no other that a story before left behind. */
  async function asksAlone(customer) {
    await admin.rejectAll();
    return ask(customer);
  }

  async function ask(customer) {
    return held(await call(agent, "send_invoice", { customer, amount_cents: 5, currency: "EUR" })).approval_id;
  }
});

/** The request of this customer is shown, and can be approved. */
async function approvable(page, customer, timeout) {
  await card(page).getByText(customer, { exact: true }).first().waitFor({ timeout });
  await page.locator("button:not([aria-disabled=true])", { hasText: /^Approve(?! again)/ }).first().waitFor();
  // As long as it takes to read it.
  await page.waitForTimeout(700);
}

function undo(page) {
  return page.getByRole("button", { name: "Undo" }).last();
}

/** Waits until the server has this state. */
async function settled(admin, id, status) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const now = (await admin.approval(id)).status;
    if (now === status) return;
    assert.ok(Date.now() < deadline, `it is ${now}, and should be ${status}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** No error is left on the page. */
async function nothingWrong(page) {
  await page.getByRole("button", { name: "Try again" }).first().waitFor({ state: "hidden" });
}
