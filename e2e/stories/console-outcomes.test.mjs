// What became of a call is said as it is: an error of the tool is no success, a request that nobody can decide says
// one thing, a comparison begins with what is new, and what lies deep stays readable.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Refused, signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { INBOX, card, row } from "../lib/room.mjs";
import { sendError, sendJson, startUpstream } from "../lib/upstream.mjs";

const TOOL_ERROR = "ran, the tool reported an error";
const PROTOCOL_ERROR = "ran, the upstream answered with an error";
const TRAP = "<img src=x onerror=\"window.trapped='ran'\">";

const definition = (name) => JSON.stringify({ name, description: "Moves money.", inputSchema: { type: "object" } });

/** Objects in each other, so many. */
const deep = (levels, value) => JSON.parse(`${'{"in":'.repeat(levels)}${JSON.stringify(value)}${"}".repeat(levels)}`);

describe("what became of a call, in the console", () => {
  let gateway, bank, admin, upstream, answered;

  before(async () => {
    upstream = await startUpstream({
      tools: ["works", "fails", "breaks", "nests"].map(definition),
      answer(name, _body, id, response) {
        const text = JSON.stringify([{ type: "text", text: `no funds\u202e ${TRAP}` }]);
        if (name === "fails") return sendJson(response, id, `{"content":${text},"isError":true,"apiKey":"secret-1"}`);
        if (name === "breaks") return sendError(response, id, { code: -32000, message: "no such account" });
        sendJson(response, id, name === "nests" ? answered : '{"content":[{"type":"text","text":"done"}]}');
      },
    });
    gateway = await startGateway();
    admin = await signIn(gateway);
    await admin.offer({
      connection: "bank",
      kind: "streamable_http",
      config: { url: upstream.url },
      toolkit: "bank",
      permission: "needs_approval",
    });
    bank = await connect(gateway.toolkit("bank"), gateway.agentKey);
  });
  after(async () => {
    await bank?.close();
    await gateway?.stop();
    await upstream?.stop();
  });

  tells("an error is not shown as success, wherever the call is shown", async (people) => {
    const [worked, failed, broke] = [await ran("works"), await ran("fails"), await ran("breaks", { code: -32000 })];
    const waits = held(await call(bank, "fails", { n: 2 })).approval_id;
    const mara = await people.enter(gateway, credentials(gateway), { at: `${INBOX}?tab=decided` });
    for (const [id, words] of [[worked, "ran"], [failed, TOOL_ERROR], [broke, PROTOCOL_ERROR]]) {
      await row(mara.page, id).getByText(words, { exact: true }).waitFor();
      assert.equal(await row(mara.page, id).locator(":is(.pill, .word).ok").count(), id === worked ? 1 : 0, words);
    }
    await look(mara, "outcomes-list");
    for (const [id, words] of [[failed, TOOL_ERROR], [broke, PROTOCOL_ERROR]]) {
      await mara.goes(`/acme/approvals/${id}`);
      await card(mara.page).locator(".top .pill.bad", { hasText: words }).waitFor();
      await card(mara.page).getByText(`It ${words}.`).waitFor();
      await card(mara.page).locator(".steps li:has(.bad)", { hasText: words }).waitFor();
      assert.equal(await card(mara.page).locator(".top .ok, .lines .ok, .steps b:text-is('Ran')").count(), 0, words);
    }
    await mara.goes(`/acme/approvals/${waits}`);
    await card(mara.page).locator(".lines li", { hasText: TOOL_ERROR }).first().waitFor();
    await mara.goes("/acme/audit?toolkit=bank");
    for (const words of ["tool error", "server error"]) await mara.page.locator(".word.bad", { hasText: words }).first().waitFor();
    await admin.reject(waits, "seen");
  });

  tells("the result stands on the request, for who may read it", async (people) => {
    const failed = await ran("fails", { n: 3 });
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${failed}` });
    const result = card(mara.page).getByRole("group", { name: "Result: the tool reported an error" });
    await result.getByText("no funds").waitFor();
    await result.getByText(/right-to-left override/i).waitFor({ state: "attached" });
    const words = await card(mara.page).innerText();
    assert.ok(words.includes("[redacted]") && !words.includes("secret-1"));
    assert.ok(words.includes(TRAP), "as text");
    assert.equal(await mara.page.evaluate(() => window.trapped), undefined);
    await look(mara, "outcomes-result");
    await mara.page.getByRole("link", { name: "Open the record" }).click();
    await mara.page.getByRole("heading", { name: "fails" }).waitFor();
    await mara.page.getByText("It ran, and the tool reported an error.").waitFor();

    // Who reads requests and not the audit sees the result, and no link that leads nowhere.
    await admin.acme("POST", "/roles", { name: "reader", rights: ["approvals:read"] });
    const lea = { email: "lea@example.com", password: "lea horse battery" };
    await admin.acme("POST", "/members", { ...lea, role: "reader" });
    const reader = await people.enter(gateway, lea, { at: `/acme/approvals/${failed}` });
    await card(reader.page).getByText("no funds").first().waitFor();
    assert.equal(await reader.page.getByRole("link", { name: "Open the record" }).count(), 0);
  });

  tells("a request that nobody can decide names who is barred, and says one thing", async (people) => {
    const sam = { email: gateway.dev.owner_email, password: gateway.dev.owner_password };
    // The administrator makes a key for its owner, and nobody else decides.
    const key = await admin.acme("POST", "/api-keys", { name: "shared", role: "agent", owner: sam.email });
    const shared = await connect(gateway.toolkit("bank"), key.key);
    const { approval_id } = held(await call(shared, "works", { n: 4 }));
    await shared.close();
    for (const person of [credentials(gateway), sam]) {
      const mara = await people.enter(gateway, person, { at: `/acme/approvals/${approval_id}` });
      const notice = mara.page.locator(".loud", { hasText: "Nobody can decide this" });
      await notice.waitFor();
      const words = await notice.innerText();
      assert.match(words, new RegExp(`${gateway.adminEmail} made the key`));
      assert.match(words, new RegExp(`${sam.email} owns the key`));
      assert.match(words, /the approval policy of the org/);
      assert.match(await mara.page.locator(".decide .cannot").innerText(), /^Nobody can decide this/);
      assert.equal(await mara.page.getByText("You cannot decide this").count(), 0);
      await look(mara, "outcomes-nobody");
    }
    const shown = await gateway.cli("approvals", "show", approval_id);
    assert.match(shown.stdout, /warning {3}nobody can decide this: .*made the key/);
    await admin.acme("PATCH", "", { approval_policy: { allow_self_approval: true } });
    await admin.reject(approval_id, "seen");
    await admin.acme("PATCH", "", { approval_policy: { allow_self_approval: false } });
    await assert.rejects(admin.approve(approval_id), Refused);
  });

  tells("a request that waits is given more time, and an approval is taken back before it is used", async (people) => {
    const { approval_id } = held(await call(bank, "works", { n: 5 }));
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${approval_id}` });
    const more = mara.page.getByRole("button", { name: "Extend by 1 hour" });
    await more.click();
    await card(mara.page).locator(".steps li", { hasText: "more time: until" }).waitFor();
    await more.click();
    await more.waitFor({ state: "detached" });
    await admin.approve(approval_id);
    const why = mara.page.getByLabel("Why it should not run");
    await why.waitFor();
    await look(mara, "outcomes-take-back");
    await why.fill("  ");
    await mara.page.waitForTimeout(1000);
    await mara.page.getByRole("button", { name: "Withdraw approval" }).click();
    await mara.page.getByText("Give a reason: the agent has nothing else to go by.").waitFor();
    await why.fill("forged \u202e invoice");
    await mara.page.getByRole("button", { name: "Withdraw approval" }).click();
    await card(mara.page).getByText(/was withdrawn by .* before it was used/).waitFor();
    await card(mara.page).getByText(/right-to-left override/i).first().waitFor({ state: "attached" });
    const told = await call(bank, "run_approved", { approval_id });
    assert.ok(told.isError && told.content[0].text.includes("forged \u202e invoice"), "word for word");
  });

  tells("a comparison begins with the new value, and only with what was approved before", async (people) => {
    const first = await ran("works", { amount: 1290 });
    const second = held(await call(bank, "works", { amount: 4180 })).approval_id;
    await admin.approve(second);
    const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${second}` });
    const changed = card(mara.page).locator(".args dd", { has: mara.page.locator("mark") });
    await changed.waitFor();
    assert.match((await changed.innerText()).replaceAll(/\s+/g, " "), /^4180 was 1290$/);
    await card(mara.page).getByText(/^1 differs from the last approved call/).waitFor();
    await look(mara, "outcomes-compared");
    await mara.goes(`/acme/approvals/${first}`);
    await card(mara.page).getByRole("heading", { name: "Arguments" }).waitFor();
    assert.equal(await card(mara.page).locator(".args .was", { hasText: "4180" }).count(), 0, "what was approved later is nothing to compare it with");
  });

  // Arguments may be 128 levels deep; what an upstream answers may be any.
  for (const [what, levels] of [["Arguments", 40], ["Arguments", 120], ["Result", 400]]) {
    tells(`${what.toLowerCase()} of ${levels} levels stay readable, wide and narrow`, async (people) => {
      const value = "a value that can be read, however deep it lies";
      answered = `{"content":[],"structuredContent":${JSON.stringify(deep(levels, value))}}`;
      const args = what === "Result" ? { levels } : deep(levels, value);
      const { approval_id } = held(await call(bank, "nests", args));
      if (what === "Result") {
        await admin.approve(approval_id);
        await call(bank, "nests", args);
      }
      const mara = await people.enter(gateway, credentials(gateway), { at: `/acme/approvals/${approval_id}` });
      const tree = card(mara.page).getByRole("group", { name: what });
      await tree.waitFor();
      // Value by value: what lies deep fills the tree, with its path above it, and the focus goes along.
      const deeper = tree.getByRole("button", { name: /^(Open|Show) 1 (item|field)/ });
      const text = levels > 64 ? tree.getByText(/More than 64 levels deep/) : tree.getByText(value);
      while ((await text.count()) === 0) await deeper.last().press("Enter");
      const path = tree.getByRole("group", { name: "Path" });
      assert.ok((await path.getByRole("button").count()) > 30, "the path names every value on the way");
      await path.locator("b:focus").waitFor();
      await path.getByRole("button").first().click();
      await tree.locator(".more:focus").waitFor();
      // All in one step.
      await card(mara.page).getByRole("button", { name: "Expand all" }).last().click();
      await text.waitFor();
      await tree.getByRole("button", { name: /level 30/ }).waitFor();
      for (const width of [1440, 360]) {
        await mara.page.setViewportSize({ width, height: 900 });
        const { width: room } = await text.locator("xpath=ancestor::dd[1]").boundingBox();
        assert.ok(room >= 180, `${room} px at ${width}`);
      }
      await mara.page.setViewportSize({ width: 1280, height: 900 });
      await look(mara, `outcomes-deep-${levels}`);
      if (what !== "Result") await admin.reject(approval_id, "seen");
    });
  }

  /** A call that was approved and has run; answers its approval's id. */
  async function ran(name, args = {}) {
    const { approval_id } = held(await call(bank, name, args));
    await admin.approve(approval_id);
    await call(bank, name, args).catch((error) => assert.equal(error.code, -32000));
    return approval_id;
  }
});
