// A press that was meant for one thing does nothing else: by key, by mouse and by finger. And a decision that was
// not sent, because the page was left, is named by the next page.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { approves, card, isLookedAt, news } from "../lib/room.mjs";

const invoice = (customer) => ({ customer, amount_cents: 4200, currency: "EUR" });

describe("a press that was meant for something else", () => {
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

  const asked = async (customer) => held(await call(agent, "send_invoice", invoice(customer))).approval_id;
  const at = (id) => `/acme/inbox?selected=${id}`;
  const approve = (page) => page.getByRole("button", { name: /^Approve(?! again)/ });

  /** Somebody who looks at the first of two requests. */
  async function beforeTwo(people, name, options) {
    const ids = [await asked(`${name} 1`), await asked(`${name} 2`)];
    const mara = await people.enter(gateway, credentials(gateway), { at: at(ids[0]), ...options });
    await isLookedAt(mara.page, ids[0]);
    return { mara, ids };
  }

  /** What was asked is over before the next story. */
  async function settled(...ids) {
    for (const id of ids) {
      if ((await admin.approval(id)).status === "pending") await admin.reject(id, "The story is over.");
    }
  }

  tells("a word typed where no field is approves nothing, and rejecting opens at once", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Word");
    const { page } = mara;
    // In one go: none of these letters comes later than the guards last.
    await typedAt(page, ["j", "q", "a", " ", "b", "a", "d", " ", "i", "d", "e", "a"]);
    await isLookedAt(page, ids[1]);
    assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0, "nothing was decided");
    await page.keyboard.press("k");
    await page.getByRole("button", { name: "Reject", exact: true }).waitFor();
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: /^Reject / }).waitFor();
    await page.keyboard.press("Escape");
    await settled(...ids);
  });

  tells("a second press of A does not decide the next request", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Twice");
    const { page } = mara;
    await page.keyboard.press("a");
    await page.locator(`#request-${ids[1]}[aria-current="true"]`).waitFor();
    await approve(page).waitFor();
    await typedAt(page, ["a"]);
    await page.getByText("One moment").first().waitFor();
    await isLookedAt(page, ids[1]);
    assert.equal(await news(page, "Approving").count(), 1, "one decision");
    // Z is a letter, too: it does nothing before letters come to rest.
    await page.getByText("One moment").first().waitFor({ state: "hidden" });
    await takesBack(page);
    await settled(...ids);
  });

  tells("a key that comes before the next card stands decides nothing on the last one", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Frame");
    const { page } = mara;
    await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
    await page.evaluate(async () => {
      const press = (key) =>
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      press("j");
      // All that follows from it at once, and no frame.
      for (let turns = 0; turns < 100; turns++) await Promise.resolve();
      press("a");
    });
    await isLookedAt(page, ids[1]);
    assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0, "nothing is decided");
    await settled(...ids);
  });

  tells("a double click decides one request, although the next comes up under it", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Double");
    const { page } = mara;
    const { x, y, width, height } = await approve(page).boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.up();
    await page.locator(`#request-${ids[1]}[aria-current="true"]`).waitFor();
    await approve(page).waitFor();
    await page.mouse.down();
    await page.mouse.up();
    assert.equal(await news(page, "Approving").count(), 1, "one decision");
    assert.equal(await approve(page).getAttribute("aria-disabled"), "true", "it looks as inert as it is");
    const after = await approve(page).boundingBox();
    assert.deepEqual([after.x, after.width], [x, width], "it keeps its place and size");
    await page.mouse.move(x + width / 2, y - 60);
    await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
    await approves(page);
    // No click is dead for long.
    await news(page, "2 approved").waitFor();
    for (const _ of ids) await page.getByRole("button", { name: "Undo" }).last().click();
    await settled(...ids);
  });

  tells("a double tap decides one request", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Tap", { touch: true });
    const { page } = mara;
    const { x, y, width, height } = await approve(page).boundingBox();
    await page.touchscreen.tap(x + width / 2, y + height / 2);
    await page.locator(`#request-${ids[1]}[aria-current="true"]`).waitFor();
    await approve(page).waitFor();
    await page.touchscreen.tap(x + width / 2, y + height / 2);
    assert.equal(await news(page, "Approving").count(), 1, "one decision");
    await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
    await page.touchscreen.tap(x + width / 2, y + height / 2);
    await news(page, "2 approved").waitFor();
    await settled(...ids);
  });

  tells("a click too many on Approve does not take the decision back", async (people) => {
    const id = await asked("Alone");
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${id}` });
    const { page } = mara;
    await page.locator(".decide .btn.go[aria-disabled=false]").waitFor();
    const { x, y, height } = await approve(page).boundingBox();
    await page.mouse.click(x + 10, y + height / 2);
    await page.locator(".decide").getByRole("button", { name: "Undo" }).waitFor();
    await page.mouse.click(x + 10, y + height / 2);
    await news(page, "send_invoice approved").waitFor();
    assert.equal((await admin.approval(id)).status, "approved");
  });

  tells("a key that is held presses once, and writes nothing into the field that it opened", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Held");
    const { page } = mara;
    await page.keyboard.down("r");
    const reason = page.getByRole("textbox", { name: "Your reason" });
    await reason.waitFor();
    for (let n = 0; n < 5; n++) await page.keyboard.down("r");
    await page.keyboard.up("r");
    assert.equal(await reason.inputValue(), "");
    await page.keyboard.press("Escape");
    await settled(...ids);
  });

  tells("Esc closes a note, and what cannot be seen is not sent", async (people) => {
    const id = await asked("Note");
    const mara = await people.enter(gateway, credentials(gateway), { at: at(id) });
    const { page } = mara;
    await isLookedAt(page, id);
    await page.getByRole("button", { name: "Add a note" }).click();
    const note = page.getByLabel("Note for the record");
    assert.ok(await note.evaluate((note) => note === document.activeElement), "one writes at once");
    await note.fill("Half a thought");
    await page.keyboard.press("Escape");
    await note.waitFor({ state: "detached" });
    const focused = await page.evaluate(() => document.activeElement.textContent);
    assert.equal(focused, "Add a note", "the focus is where it was");
    await approves(page);
    await news(page, "send_invoice approved").waitFor();
    assert.ok(!JSON.stringify(await admin.approval(id)).includes("Half a thought"));
  });

  tells("a decision that was not sent is named by the next page, once, and offered again", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Left");
    const { page } = mara;
    page.on("dialog", (dialog) => dialog.accept());
    await approves(page);
    await page.reload();
    const unsent = news(page, "Your approval of send_invoice was not sent");
    await unsent.waitFor();
    assert.equal((await admin.approval(ids[0])).status, "pending");
    await unsent.getByRole("button", { name: "Approve again" }).click();
    await news(page, "Approving send_invoice").waitFor();
    await news(page, "send_invoice approved").waitFor();
    assert.equal((await admin.approval(ids[0])).status, "approved");
    await page.reload();
    // The next one is looked at since the first approval.
    await isLookedAt(page, ids[1]);
    assert.equal(await unsent.count(), 0, "once");
    await settled(...ids);
  });

  tells("a rejection that was not sent keeps its words", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Words");
    const { page } = mara;
    page.on("dialog", (dialog) => dialog.accept());
    await page.keyboard.press("r");
    const reason = page.getByRole("textbox", { name: "Your reason" });
    await reason.fill("Ask »Ada« first.\nThen again.");
    await reason.press("ControlOrMeta+Enter");
    await news(page, "Rejecting send_invoice").waitFor();
    await page.reload();
    await news(page, "Your rejection of send_invoice was not sent").getByRole("button", { name: "Reject again" }).click();
    await reason.waitFor();
    assert.equal(await reason.inputValue(), "Ask »Ada« first.\nThen again.");
    await reason.press("ControlOrMeta+Enter");
    await news(page, "send_invoice rejected").waitFor();
    assert.ok(JSON.stringify(await admin.approval(ids[0])).includes("Ask »Ada« first."));
    await settled(...ids);
  });

  tells("a decision that a page still holds is not named by another", async (people) => {
    const { mara, ids } = await beforeTwo(people, "Both");
    const { page } = mara;
    await approves(page);
    const other = await mara.context.newPage();
    mara.watch(other);
    await other.goto(at(ids[1]));
    await isLookedAt(other, ids[1]);
    await news(page, "send_invoice approved").waitFor();
    assert.equal(await news(other, "was not sent").count(), 0);
    assert.equal((await admin.approval(ids[0])).status, "approved");
    await settled(...ids);
  });

  tells("what was not sent is named to the same person only", async (people) => {
    const omar = { email: "omar@example.com", password: "quite a long pass phrase" };
    await admin.acme("POST", "/members", { ...omar, role: "approver" });
    const { mara, ids } = await beforeTwo(people, "Person");
    const { page } = mara;
    // The page that is open while somebody else takes over its browser.
    mara.foresees(/^answer 401 GET /);
    page.on("dialog", (dialog) => dialog.accept());
    await approves(page);
    await page.goto("/login");
    await page.request.post("/api/v1/auth/session", { data: omar });
    await page.goto(at(ids[1]));
    await isLookedAt(page, ids[1]);
    assert.equal(await news(page, "was not sent").count(), 0);
    await page.request.post("/api/v1/auth/session", { data: credentials(gateway) });
    await page.goto(at(ids[1]));
    await news(page, "Your approval of send_invoice was not sent").getByRole("link", { name: "Open request" }).click();
    await page.waitForURL(new RegExp(ids[0]));
    await card(page).waitFor();
    await settled(...ids);
  });

  /** Presses Z, and again while letters do nothing, until the last decision is taken back. */
  async function takesBack(page) {
    const said = news(page, "Undone");
    for (let times = 0; times < 4; times++) {
      await page.keyboard.press("z");
      if (await said.waitFor({ timeout: 500 }).then(() => true, () => false)) return;
    }
    await said.waitFor();
  }

  /** Presses keys with nothing in between, as fast hands do. */
  function typedAt(page, keys) {
    return page.evaluate((keys) => {
      for (const key of keys) {
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      }
    }, keys);
  }
});
