// Every page as a page: what others call themselves deceives nobody on it, who may not see it reads why in its
// own words, it has a name and a heading, it can be printed.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { keyMaker, signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { hostile, unmarked } from "../lib/hostile.mjs";
import { look } from "../lib/look.mjs";
import { INBOX, asksToReject, card, looksAt, news } from "../lib/room.mjs";
import { sendJson, startUpstream } from "../lib/upstream.mjs";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const PASSWORD = "quite a long pass phrase";
const TOOL = hostile("'pay'");
const KEY = hostile("robot");
const NAME = hostile("Ada");
// What is not seen is refused in an e-mail, what looks like something else is not.
const EMAIL = "mallory.p\u0430ypal\u05e9\u05dc\u05d5\u05dd@example.com";

describe("the console's pages", () => {
  let gateway, admin, upstream, odd, mallory, agent;

  before(async () => {
    const words = { name: TOOL, description: hostile("Pays."), title: hostile("Pay") };
    upstream = await startUpstream({
      tools: [JSON.stringify({ ...words, inputSchema: { type: "object" } })],
      answer: (_name, _body, id, response) => sendJson(response, id, '{"content":[{"type":"text","text":"done"}]}'),
    });
    gateway = await startGateway();
    admin = await signIn(gateway);
    await admin.offer({
      connection: "a-bank",
      kind: "streamable_http",
      config: { url: upstream.url },
      toolkit: "a-bank",
      permission: "needs_approval",
    });
    const makeKey = await keyMaker(gateway);
    odd = await connect(gateway.toolkit("a-bank"), await makeKey(KEY, { hold_seconds: 0 }));
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    await admin.acme("PATCH", "", { name: hostile("Acme") });
    mallory = { email: EMAIL, password: PASSWORD, name: NAME, role: "approver" };
    mallory.email = (await admin.acme("POST", "/members", mallory)).email;
  });
  after(async () => {
    await odd?.close();
    await agent?.close();
    await gateway?.stop();
    await upstream?.stop();
  });

  tells("an org in which nothing waits names a tool to try, whatever it is called", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await mara.page.getByText("Try it from a terminal").click();
    assert.deepEqual(await unmarked(mara.page), []);
    const command = await mara.page.locator("pre.command").innerText();
    const [, toolkit] = command.match(/\/acme\/([a-z0-9-]+)\/mcp/);
    const { params } = JSON.parse(command.match(/-d '(.*)'$/s)[1]);
    const { items } = await admin.acme("GET", `/toolkits/${toolkit}/tools`);
    const tool = items.find(({ name }) => name === params.name);
    assert.equal(tool?.permission, "needs_approval", `${toolkit} offers ${params.name}`);
    assert.match(command, /^[\x20-\x7e\n]*$/, "nothing hides in a command");
    await look(mara, "pages-inbox-empty");

    await admin.call("POST", "/orgs", { slug: "bare", name: "Bare" });
    await mara.goes("/bare/inbox");
    await mara.page.getByText("There is no tool to call yet").waitFor();
    assert.equal(await mara.page.getByText("curl").count(), 0);
  });

  tells("names that deceive are marked on requests", async (people) => {
    const { approval_id } = held(await call(odd, TOOL, { to: hostile("me"), [hostile("key")]: 1 }));
    const { approval_id: decided } = held(await call(odd, TOOL, { n: 2 }));
    await admin.reject(decided, `${hostile("no")}\nand a second line`);
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    const clean = (where) => isClean(mara, where);

    await looksAt(mara.page, approval_id);
    await clean("the inbox");
    const { dialog } = await asksToReject(mara.page);
    await clean("the question for a reason");
    await dialog.getByLabel("Your reason").fill("no");
    await dialog.getByRole("button", { name: "Reject", exact: true }).click();
    await news(mara.page, "Rejecting").waitFor();
    await clean("the news of a rejection");
    await news(mara.page, "Rejecting").getByRole("button", { name: "Undo" }).click();
    await news(mara.page, "Undone").waitFor();
    await clean("the news of an undone rejection");
    await mara.goes(`${INBOX}?tab=decided`);
    await clean("what was decided");
    for (const id of [approval_id, decided]) {
      await mara.goes(`/acme/approvals/${id}`);
      await card(mara.page).getByText("History").waitFor();
      await clean("a request");
    }
    await look(mara, "pages-hostile-request");

  });

  tells("names that deceive are marked in the audit", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    const clean = (where) => isClean(mara, where);
    await mara.goes(`/acme/audit?actor=${encodeURIComponent(KEY)}&q=${encodeURIComponent("\u202eevil")}`);
    await clean("the audit's filters");
    await mara.goes(`/acme/audit?actor=${encodeURIComponent(KEY)}`);
    await mara.page.getByRole("table").waitFor();
    await clean("the audit");
    await look(mara, "pages-hostile-audit");
    await mara.page.locator("a.to-record").first().click();
    await mara.page.getByRole("heading", { name: "Arguments", exact: true }).waitFor();
    await mara.page.getByRole("button", { name: "JSON", exact: true }).click();
    await mara.page.getByText("Request as recorded").waitFor();
    await clean("a record");
    await look(mara, "pages-hostile-record");
  });

  tells("names that deceive are marked among people", async (people) => {
    const { url } = await admin.acme("POST", "/invitations", { email: `new${EMAIL}`, role: "approver" });
    const mara = await people.enter(gateway, credentials(gateway));
    const clean = (where, person = mara) => isClean(person, where);
    await mara.goes("/acme/people");
    const line = mara.page.getByRole("row", { name: /^mallory/ });
    await line.waitFor();
    await clean("people");
    await look(mara, "pages-hostile-people");
    await line.getByRole("button", { name: /^Change role/ }).click();
    await clean("another role");
    await mara.page.getByRole("dialog").getByLabel("Role").selectOption("auditor");
    await mara.page.getByRole("dialog").getByRole("button", { name: "Change role" }).click();
    await news(mara.page, "is now auditor").waitFor();
    await clean("the news of another role");
    await line.getByRole("button", { name: /^Remove/ }).click();
    await clean("removing a member");
    await look(mara, "pages-hostile-remove");
    await mara.page.keyboard.press("Escape");
    const sam = mara.page.getByRole("row", { name: new RegExp(gateway.dev.owner_email) });
    await sam.getByRole("button", { name: /^Remove/ }).click();
    await mara.page.getByRole("dialog").getByText("robot").waitFor();
    await clean("removing who answers for keys");
    await mara.page.keyboard.press("Escape");
    await mara.page.getByRole("row", { name: /^newmallory/ }).getByRole("button", { name: /^Withdraw/ }).click();
    await clean("withdrawing an invitation");

    const person = await people.enter(gateway, mallory, { at: "/me" });
    await person.page.getByText("This session").waitFor();
    await clean("oneself", person);
    await look(person, "pages-hostile-me");
    const stranger = await people.stranger(gateway);
    await stranger.goes(url);
    await stranger.page.getByText("You are invited to").waitFor();
    await clean("an invitation", stranger);
    await look(stranger, "pages-hostile-invitation");
    await mara.goes(`/${encodeURIComponent("\u202eemca\u200b\u05e9")}/inbox`);
    assert.deepEqual(await unmarked(mara.page), [], "an org that does not exist");
    await look(mara, "pages-hostile-org");
  });

  tells("who may not see a page reads what it is, what is missing and who can give it", async (people) => {
    const tess = { email: "tess@example.com", password: PASSWORD };
    await admin.acme("POST", "/members", { ...tess, role: "member" });
    const there = await people.enter(gateway, tess);
    for (const [at, heading, words, right] of [
      [INBOX, "Inbox", "need a decision", "approvals:read"],
      [`/acme/approvals/${NOBODY}`, "Request", "needs approval", "approvals:read"],
      ["/acme/audit", "Audit", "every call made by an agent", "audit:read"],
      [`/acme/audit/${NOBODY}`, "Audit record", "one audit record", "audit:read"],
      ["/acme/people", "People", "the members of this org", "members:read"],
    ]) {
      await there.goes(at);
      const main = there.page.getByRole("main");
      await main.getByText(words).first().waitFor();
      assert.equal(await there.page.getByRole("heading", { level: 1 }).innerText(), heading, at);
      const text = await main.innerText();
      assert.match(text, new RegExp(`Your role here, member, does not include ${right}\\. Ask an administrator`), at);
      assert.match(await there.page.title(), new RegExp(`^${heading} · `), at);
      await look(there, `pages-without-right-${heading.toLowerCase().replaceAll(" ", "-")}`);
    }
  });

  tells("a right that ends while its page is open is said there", async (people) => {
    const rhea = { email: "rhea@example.com", password: PASSWORD };
    const { id } = await admin.acme("POST", "/members", { ...rhea, role: "auditor" });
    const there = await people.enter(gateway, rhea, { at: "/acme/audit" });
    there.foresees(/^answer 403 GET /);
    await there.page.locator("a.to-record").first().waitFor();
    await admin.acme("PATCH", `/members/${id}`, { role: "member" });
    await call(agent, "send_invoice", { customer: "Ended", amount_cents: 1, currency: "EUR" });
    await there.page.getByText("You do not have access to the audit").waitFor({ timeout: 20_000 });
    assert.equal(await there.page.locator("a.to-record").count(), 0, "nothing of it stays on the page");
    await there.page.getByText("Not connected.").waitFor({ state: "detached" });
  });

  tells("every page has one heading, one main part and a name", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    mara.foresees(/^answer 404 GET /);
    const loner = { email: "loner@example.com", password: PASSWORD };
    const { id } = await admin.acme("POST", "/members", { ...loner, role: "member" });
    const nobody = await people.enter(gateway, loner);
    await admin.acme("DELETE", `/members/${id}`);
    const stranger = await people.stranger(gateway);
    stranger.foresees(/^answer 404 POST /);
    const { items } = await admin.acme("GET", "/audit?limit=1");
    const { items: requests } = await admin.acme("GET", "/approvals?limit=1");
    for (const [person, at, named] of [
      [mara, INBOX, /Inbox · acme/],
      [mara, `/acme/approvals/${requests[0].id}`, /^Request · acme/],
      [mara, `/acme/approvals/${NOBODY}`, /^Request · acme/],
      [mara, "/acme/approvals/not-an-id", /^Request · acme/],
      [mara, "/acme/audit", /^Audit/],
      [mara, `/acme/audit/${items[0].id}`, / · Audit/],
      [mara, `/acme/audit/${NOBODY}`, /^Audit record/],
      [mara, "/acme/people", /^People/],
      [mara, "/me", /^Your account/],
      [mara, "/acme/nothing/here", /^Page not found/],
      [mara, "/nowhere/inbox", /^Org not found/],
      [nobody, "/", /^Welcome/],
      [stranger, "/login", /^Sign in/],
      [stranger, "/invite#nothing", /^Invitation/],
    ]) {
      await person.goes(at);
      await person.page.locator(".skeleton").first().waitFor({ state: "detached" });
      const heading = person.page.getByRole("heading", { level: 1 });
      await heading.first().waitFor();
      assert.equal(await heading.count(), 1, at);
      assert.equal(await person.page.getByRole("main").count(), 1, at);
      assert.match(await person.page.title(), named, at);
      assert.match(await person.page.title(), / · Permesso$/, at);
    }
    await mara.goes("/acme/nothing/here");
    await look(mara, "pages-not-found");
    // Neither is there before anything is known, nor when it cannot be.
    let answer;
    const asked = new Promise((resolve) => (answer = resolve));
    await mara.page.route("**/api/v1/auth/session", async (route) => {
      await asked;
      await route.abort();
    });
    mara.foresees(/^broken GET \/api\/v1\/auth\/session/);
    await mara.goes(INBOX);
    assert.equal(await mara.page.getByRole("heading", { level: 1 }).count(), 1, "while it is read");
    answer();
    await mara.page.getByText("cannot be reached").waitFor();
    assert.equal(await mara.page.getByRole("heading", { level: 1 }).count(), 1, "when it cannot be read");
  });

  tells("a password that is too short is said once, at its field", async (people) => {
    const { url } = await admin.acme("POST", "/invitations", { email: "kim@example.com", role: "member" });
    const kim = await people.stranger(gateway);
    await kim.goes(url);
    const password = kim.page.getByLabel("Choose a password");
    await password.fill("elevenchars");
    await kim.page.getByRole("button", { name: "Join" }).click();
    const alerts = kim.page.getByRole("alert").filter({ hasText: /\w/ });
    await alerts.first().waitFor();
    assert.deepEqual(await alerts.allInnerTexts(), ["Use 12 to 200 characters; this has 11."]);
    assert.equal(await password.getAttribute("aria-invalid"), "true");
    const words = await kim.page.getByRole("main").innerText();
    assert.equal(words.match(/12/g).length, 1, "the hint does not say it again");
    await look(kim, "pages-short-password");
    // Nor when it is the server that says so.
    kim.foresees(/^answer 422 POST /);
    const problem = { type: "about:blank", title: "Invalid", status: 422, code: "invalid", request_id: NOBODY };
    const errors = [{ field: "password", message: "is too plain" }];
    await kim.page.route("**/invitations/accept", (route) =>
      route.fulfill({
        status: 422,
        contentType: "application/problem+json",
        body: JSON.stringify({ ...problem, detail: "the password is too plain", errors }),
      }),
    );
    await password.fill("twelve chars");
    await kim.page.getByRole("button", { name: "Join" }).click();
    await alerts.filter({ hasText: "plain" }).first().waitFor();
    assert.deepEqual(await alerts.allInnerTexts(), ["is too plain"]);
  });

  tells("a request and a record are printed whole, without what is around them", async (people) => {
    const deep = Array.from({ length: 60 }, (_, n) => `row ${n}`);
    const long = { customer: `${"many words ".repeat(400)}THE END`, lines: { deep } };
    const { approval_id } = held(await call(odd, TOOL, long));
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${approval_id}` });
    await card(mara.page).getByText("History").waitFor();
    assert.ok(!(await card(mara.page).innerText()).includes("THE END"), "on the screen it is folded");
    await printed(mara, "pages-print-request", ["THE END", "row 59", "History", "Pays."]);
    const { items } = await admin.acme("GET", `/audit?approval=${approval_id}&limit=1`);
    await mara.goes(`/acme/audit/${items[0].id}`);
    await mara.page.getByRole("heading", { name: "Arguments", exact: true }).waitFor();
    await printed(mara, "pages-print-record", ["THE END", "row 59", "Request as recorded", "Request id"]);
  });
});

/** Nothing of others' words is on a page without marks, and some of it is. */
async function isClean({ page }, where) {
  await page.locator(".hid").first().waitFor({ state: "attached" });
  assert.deepEqual(await unmarked(page), [], where);
}

/** Looks at a page as it comes onto paper, where these words must stand. */
async function printed({ page }, name, words) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  await page.getByText(words[0]).first().waitFor();
  const text = await page.locator("body").innerText();
  for (const word of words) assert.ok(text.includes(word), `${name} has ${word}`);
  for (const around of [page.getByRole("navigation"), page.getByRole("button"), page.locator(".connection")]) {
    assert.equal(await around.filter({ visible: true }).count(), 0, `${name}: ${around}`);
  }
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll("main, main *")]
      .filter((element) => !element.closest(".sr, svg") && element.scrollHeight > element.clientHeight + 2)
      .filter((element) => getComputedStyle(element).overflowY !== "visible")
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(cut, [], `${name} is cut`);
  const colours = await page.evaluate(() => {
    const { color, backgroundColor } = getComputedStyle(document.body);
    return [color, backgroundColor];
  });
  assert.deepEqual(colours, ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], name);
  await page.screenshot({ path: new URL(`../screenshots/${name}.png`, import.meta.url).pathname, fullPage: true });
  assert.match((await page.pdf()).subarray(0, 5).toString(), /%PDF-/);
  await page.emulateMedia({ media: null, colorScheme: null });
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
}
