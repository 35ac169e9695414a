// Who gets in, who does not and reads why, and addresses that give the same view again.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { INBOX, approves, card, isLookedAt, news, row } from "../lib/room.mjs";

const NOBODY = "00000000-0000-7000-8000-000000000000";

describe("the console's doors", () => {
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

  tells("somebody who is invited by link chooses a password, comes in and decides", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Invited")));
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/people" });
    await mara.page.getByLabel("E-mail").fill("nora@example.com");
    await mara.page.getByLabel("Role", { exact: true }).selectOption("approver");
    await mara.page.getByRole("button", { name: "Create invite link" }).click();
    const link = await mara.page.getByText(`${gateway.url}/invite#`).innerText();
    await mara.page.getByRole("row", { name: /nora@example\.com/ }).waitFor();
    await look(mara, "people-invited");

    const nora = await people.stranger(gateway);
    await nora.goes(link.trim());
    await nora.page.getByText("You are invited to").waitFor();
    const words = await nora.page.getByRole("main").innerText();
    assert.match(words, /Acme/);
    assert.match(words, /approver/);
    nora.foresees(/^answer 422 POST .*\/invitations\/accept$/);
    await nora.page.getByLabel("Choose a password").fill("short");
    await nora.page.getByRole("button", { name: "Join" }).click();
    await nora.page.getByRole("alert").filter({ hasText: /12/ }).first().waitFor();
    await nora.page.getByLabel("Choose a password").fill("four words and a half");
    await nora.page.getByLabel("Your name").fill("Nora");
    await nora.page.getByRole("button", { name: "Join" }).click();
    await nora.page.waitForURL(/\/acme\/inbox/);
    assert.ok(!nora.page.url().includes("#"), "the secret has left the address");
    await row(nora.page, approval_id).click();
    await isLookedAt(nora.page, approval_id);
    await approves(nora.page);
    await news(nora.page, "send_invoice approved").waitFor();
    assert.equal((await admin.approval(approval_id)).decided_by_email, "nora@example.com");

    const thief = await people.stranger(gateway);
    thief.foresees(/^answer 404 POST .*\/invitations\/view$/);
    await thief.goes(link.trim());
    await thief.page.getByText("This invitation no longer works").waitFor();
    await mara.page.reload();
    await mara.page.getByRole("row", { name: /nora@example\.com/ }).getByText("approver").first().waitFor();
  });

  tells("a session ended from elsewhere is asked to sign in again", async (people) => {
    const here = await people.enter(gateway, credentials(gateway), { at: "/me" });
    const there = await people.enter(gateway, credentials(gateway), { at: INBOX });
    there.foresees(/^answer 401 /);
    await here.page.reload();
    const sessions = here.page.getByRole("list", { name: "Your sessions" });
    await sessions.getByText("This session").waitFor();
    const others = sessions.getByRole("button", { name: "Sign out" });
    assert.equal(await others.count(), (await here.sessions()).length - 1);
    while ((await others.count()) > 0) {
      const left = await others.count();
      await others.first().click();
      await here.page.waitForFunction((left) => document.querySelectorAll("[aria-label='Your sessions'] button").length < left, left);
    }
    assert.equal((await here.sessions()).length, 1);
    held(await call(agent, "send_invoice", invoice("Ended")));
    await there.page.getByRole("dialog", { name: "Sign in again" }).waitFor();
    await there.page.getByRole("button", { name: "Sign in as someone else" }).click();
    await there.page.waitForURL(/\/login/);
    await here.goes(INBOX);
    await here.page.getByRole("heading", { name: "Inbox" }).waitFor();
  });

  tells("a wrong password is answered in words, and leads nowhere", async (people) => {
    const mara = await people.stranger(gateway);
    mara.foresees(/^answer 401 POST \/api\/v1\/auth\/session$/);
    await mara.goes(`${INBOX}?tab=decided`);
    await mara.page.waitForURL(/\/login\?next=/);
    await mara.signsIn({ email: gateway.adminEmail, password: "not the password" });
    await mara.page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    assert.match(mara.page.url(), /\/login/);
    await mara.signsIn(credentials(gateway));
    await mara.page.waitForURL(/\/acme\/inbox\?tab=decided$/);
    // What is being read at that moment is refused.
    mara.foresees(/^answer 401 GET \/api\/v1\/orgs\/acme\/(approvals|events)/);
    await mara.page.getByRole("button", { name: /^Account / }).click();
    await mara.page.getByRole("button", { name: "Sign out" }).click();
    await mara.page.waitForURL(/\/login$/);
    await mara.page.goBack().catch(() => {});
    await mara.page.waitForURL(/\/login/);
    assert.equal((await mara.page.request.get("/api/v1/auth/session")).status(), 401);
  });

  tells("a person's role is changed and they are removed, while they are at work", async (people) => {
    const ben = { email: "ben@example.com", password: "quite a long pass phrase" };
    await admin.acme("POST", "/members", { ...ben, role: "approver" });
    const there = await people.enter(gateway, ben, { at: INBOX });
    there.foresees(/^answer 40[34] GET \/api\/v1\/orgs\/acme\//);
    await there.page.getByRole("heading", { name: "Inbox" }).waitFor();
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/people" });
    const line = mara.page.getByRole("row", { name: new RegExp(ben.email) });
    await line.getByRole("button", { name: /^Change role/ }).click();
    const change = mara.page.getByRole("dialog", { name: `Change the role of ${ben.email}` });
    await change.getByLabel("Role").selectOption("auditor");
    await change.getByText("can no longer").waitFor();
    await look(mara, "people-change");
    await change.getByRole("button", { name: "Change role" }).click();
    await news(mara.page, "is now auditor").waitFor();

    await line.getByRole("button", { name: /^Remove/ }).click();
    const remove = mara.page.getByRole("dialog", { name: `Remove ${ben.email}` });
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await news(mara.page, "was removed from acme").waitFor();
    await line.waitFor({ state: "detached" });

    const { approval_id } = held(await call(agent, "send_invoice", invoice("After Ben")));
    await there.page.reload();
    await there.page.getByText("This org does not exist, or you are not a member").waitFor();
    assert.equal(await row(there.page, approval_id).count(), 0);
    await there.goes("/");
    await there.page.getByText("You are not in an org yet").waitFor();
  });

  tells("nobody is removed who answers for a key that works", async (people) => {
    const sam = gateway.dev.owner_email;
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/people" });
    mara.foresees(/^answer 409 (PATCH|DELETE) \/api\/v1\/orgs\/acme\/members\//);
    await mara.page.getByRole("row", { name: new RegExp(sam) }).getByRole("button", { name: /^Remove/ }).click();
    const remove = mara.page.getByRole("dialog", { name: `Remove ${sam}` });
    await remove.getByText("sample agent").waitFor();
    await look(mara, "people-remove");
    await remove.getByRole("button", { name: "Remove", exact: true }).click({ force: true });
    await mara.page.waitForTimeout(300);
    await mara.page.keyboard.press("Escape");
    assert.ok((await admin.acme("GET", "/members")).items.some(({ email }) => email === sam));
    await mara.page.getByRole("row", { name: new RegExp(sam) }).waitFor();
  });

  tells("an invitation that was withdrawn does not work", async (people) => {
    const { url } = await admin.acme("POST", "/invitations", { email: "otto@example.com", role: "member" });
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/people" });
    await mara.page.getByRole("row", { name: /otto@example\.com/ }).getByRole("button", { name: /^Withdraw/ }).click();
    await mara.page.getByRole("dialog").getByRole("button", { name: "Withdraw", exact: true }).click();
    await news(mara.page, "withdrawn").waitFor();
    const otto = await people.stranger(gateway);
    otto.foresees(/^answer 404 POST .*\/invitations\/view$/);
    await otto.goes(url);
    await otto.page.getByText("This invitation no longer works").waitFor();
  });

  tells("who may not see something reads why, and what to do", async (people) => {
    await admin.acme("POST", "/members", { email: "tess@example.com", role: "member", password: "quite a long phrase" });
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Unseen")));
    const tess = await people.enter(gateway, { email: "tess@example.com", password: "quite a long phrase" });
    tess.foresees(/^answer 403 /);
    await tess.goes(INBOX);
    await tess.page.getByText("You do not have access to requests").waitFor();
    assert.equal(await tess.page.getByText("Not connected.").count(), 0, "nothing is broken");
    await look(tess, "inbox-without-rights");
    await tess.page.getByText("approvals:read").waitFor();
    for (const place of ["Inbox", "Audit", "People"]) {
      assert.equal(await tess.page.getByRole("navigation").getByRole("link", { name: place }).count(), 0, place);
    }
    for (const at of [`/acme/approvals/${approval_id}`, "/acme/audit", "/acme/people"]) {
      await tess.goes(at);
      await tess.page.getByText(/may not|right|administrator/i).first().waitFor();
      assert.ok(!(await tess.page.getByRole("main").innerText()).includes("Unseen"), at);
    }
    tess.calm();
  });

  tells("an address with nothing behind it says so", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    mara.foresees(/^answer 404 GET \/api\/v1\/orgs\//);
    for (const [at, words] of [
      ["/nowhere/inbox", "This org does not exist, or you are not a member"],
      [`/acme/approvals/${NOBODY}`, "Request not found"],
      ["/acme/approvals/not-an-id", /request not found|page not found/i],
      [`/acme/audit/${NOBODY}`, /may have been removed|no such record/i],
      ["/acme/nothing/here", "Page not found"],
      [`${INBOX}?selected=${NOBODY}`, /request not found/i],
    ]) {
      await mara.goes(at);
      await mara.page.getByText(words).first().waitFor();
    }
  });

  tells("every address gives the same view again", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Again")));
    const { approval_id: other } = held(await call(agent, "send_invoice", invoice("Another")));
    const mara = await people.enter(gateway, credentials(gateway));
    const { items } = await admin.acme("GET", "/audit?tool=send_invoice&limit=1");
    for (const at of [
      `${INBOX}?selected=${other}`,
      `${INBOX}?q=Again&selected=${approval_id}`,
      `${INBOX}?tab=decided`,
      `/acme/approvals/${approval_id}`,
      "/acme/audit?tool=send_invoice&status=held",
      `/acme/audit/${items[0].id}`,
      "/acme/people",
      "/me",
    ]) {
      await mara.goes(at);
      const before = await settled(mara.page);
      const address = mara.page.url();
      // A list may add which of its requests it shows first.
      assert.ok(address.startsWith(new URL(at, gateway.url).href), `${at} stays in the address, which is ${address}`);
      await mara.page.reload();
      assert.equal(await settled(mara.page), before, `${at} after being loaded again`);
      assert.equal(mara.page.url(), address);
    }
  });

  tells("the filters of the audit stand in the address", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: "/acme/audit" });
    await mara.page.getByRole("button", { name: "Filter", exact: true }).click();
    await mara.page.getByLabel("Outcome", { exact: true }).selectOption("held");
    await mara.page.waitForURL(/status=held/);
    await mara.page.getByLabel("Search", { exact: true }).fill("Again");
    await mara.page.waitForURL(/q=Again/);
    const chips = mara.page.getByRole("list", { name: "Active filters" });
    await chips.getByText("Again").waitFor();
    await mara.page.getByRole("row", { name: /send_invoice/ }).first().waitFor();
    const rows = mara.page.getByRole("table").getByRole("row");
    const found = await rows.count();
    await mara.page.reload();
    await mara.page.getByRole("row", { name: /send_invoice/ }).first().waitFor();
    assert.equal(await rows.count(), found);
    assert.equal(await mara.page.getByLabel("Search", { exact: true }).inputValue(), "Again");
    await chips.getByText("Outcome: Held").waitFor();
    await chips.getByRole("button", { name: /^Remove filter.*Again/ }).click();
    await mara.page.waitForURL((url) => !url.search.includes("q="));
    assert.match(mara.page.url(), /status=held/);
    await mara.page.goBack();
    await mara.page.waitForURL(/q=Again/);
  });

  it("sends a page that is asked again each time, and files that never change", async () => {
    const page = await fetch(`${gateway.url}/acme/inbox`, { headers: { accept: "text/html" } });
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const policy = page.headers.get("content-security-policy");
    assert.match(policy, /^default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|\*|https?:/);
    const files = [...(await page.text()).matchAll(/"(\/assets\/[^"]+)"/g)].map(([, file]) => file);
    assert.ok(files.some((file) => file.endsWith(".wasm")) && files.some((file) => file.endsWith(".css")), `${files}`);
    for (const file of files) {
      const answer = await fetch(gateway.url + file, { headers: { "accept-encoding": "br" } });
      assert.equal(answer.status, 200, file);
      assert.match(answer.headers.get("cache-control"), /immutable/, file);
      assert.match(answer.headers.get("cache-control"), /max-age=31536000/, file);
      assert.equal(answer.headers.get("content-encoding"), "br", file);
      assert.ok((await answer.arrayBuffer()).byteLength > 0, file);
    }
    assert.equal((await fetch(`${gateway.url}/assets/console-0000.wasm`)).status, 404);
  });
});

function invoice(customer) {
  return { customer, amount_cents: 1, currency: "EUR" };
}

/** What a page says once it has everything, without the words that time changes. */
async function settled(page) {
  let words;
  for (let same = 0; same < 3; ) {
    // The event stream stays open, so "the network is idle" never comes.
    await page.waitForTimeout(100);
    const now = await page.getByRole("main").evaluate((main) => {
      const copy = main.cloneNode(true);
      for (const time of copy.querySelectorAll("time")) time.remove();
      return copy.querySelector(".skeleton") ? undefined : copy.textContent;
    });
    same = now !== undefined && now === words ? same + 1 : 0;
    words = now;
  }
  return words;
}
