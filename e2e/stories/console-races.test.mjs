// What goes on while a person decides: somebody else is faster, the session ends, the gateway
// restarts, and an answer that never came.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, refused, statusOf, textOf } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { INBOX, approves, asksToReject, card, looksAt, news, row } from "../lib/room.mjs";
import { startUpstream } from "../lib/upstream.mjs";

const OMAR = { email: "omar@example.com", password: "quite a long pass phrase" };
const invoice = (customer) => ({ customer, amount_cents: 700, currency: "EUR" });

describe("while a person decides in the console", () => {
  let gateway, agent, admin, upstream;

  before(async () => {
    upstream = await startUpstream({
      tools: [JSON.stringify({ name: "vanish", description: "Never answers.", inputSchema: { type: "object" } })],
      answer: (_name, _body, _id, response) => response.destroy(),
    });
    gateway = await startGateway({ PERMESSO_APPROVAL_LEASE_SECONDS: "10" });
    admin = await signIn(gateway);
    await admin.acme("POST", "/members", { ...OMAR, role: "approver" });
    await admin.acme("POST", "/connections", {
      slug: "moody",
      kind: "streamable_http",
      config: { url: upstream.url },
      call_timeout_ms: 1000,
    });
    await admin.acme("POST", "/connections/moody/refresh");
    await admin.acme("POST", "/toolkits", { slug: "moody", name: "Moody", visibility: "private" });
    await admin.acme("POST", "/toolkits/moody/tools", { connection: "moody", tools: "all" });
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
    await upstream?.stop();
  });

  tells("of two who decide at once one wins, and the other is told who", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Both")));
    const both = [await people.enter(gateway, credentials(gateway)), await people.enter(gateway, OMAR)];
    for (const person of both) {
      person.foresees(/^answer 409 POST .*\/approve$/);
      await person.goes(INBOX);
      await looksAt(person.page, approval_id);
    }
    await Promise.all(both.map(({ page }) => approves(page)));
    const won = await Promise.all(
      both.map(({ page }) =>
        Promise.race([
          news(page, "send_invoice approved").waitFor().then(() => true),
          news(page, "was not approved").waitFor().then(() => false),
        ]),
      ),
    );
    assert.deepEqual([...won].sort(), [false, true], "one decision counts");
    const [winner, loser] = won[0] ? both : both.toReversed();
    const lost = news(loser.page, "was not approved");
    assert.match(await lost.innerText(), new RegExp(`${winner.email} approved it`));
    await lost.getByRole("link", { name: "Open request" }).click();
    await loser.page.waitForURL(new RegExp(`/acme/approvals/${approval_id}`));
    await card(loser.page).getByText(winner.email).first().waitFor();
    const { history } = await admin.approval(approval_id);
    assert.equal(history.filter(({ to }) => to === "approved").length, 1);
    assert.ok(!(await call(agent, "send_invoice", invoice("Both"))).isError);
  });

  tells("a session that ends under a reason being typed takes nothing away", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Typing")));
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    mara.foresees(/^answer 401 /);
    await looksAt(mara.page, approval_id);
    const { reason } = await asksToReject(mara.page);
    await reason.pressSequentially("Half of what I ");
    await endSessions(mara.email);

    // Something happens, the page wants to read it, and must not.
    const other = held(await call(agent, "send_invoice", invoice("Meanwhile"))).approval_id;
    const again = mara.page.getByRole("dialog", { name: "Sign in again" });
    await again.waitFor();
    assert.equal(await reason.inputValue(), "Half of what I ");
    await mara.signsIn({ email: mara.email, password: "something else, and wrong" }, again);
    await again.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    await look(mara, "sign-in-again");
    await mara.signsIn(mara, again);
    await again.waitFor({ state: "hidden" });

    assert.equal(await reason.inputValue(), "Half of what I ");
    assert.ok(await reason.evaluate((area) => area === document.activeElement), "one goes on typing where one was");
    await reason.pressSequentially("wanted to say.");
    await reason.press("ControlOrMeta+Enter");
    await news(mara.page, "send_invoice rejected").waitFor();
    const answer = refused(await call(agent, "send_invoice", invoice("Typing")));
    assert.ok(answer.includes("Half of what I wanted to say."), answer);
    await row(mara.page, other).waitFor();
  });

  tells("a decision that meets an ended session is sent once somebody signed in", async (people) => {
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Late")));
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    mara.foresees(/^answer 401 /);
    const answers = [];
    mara.page.on("response", (response) => {
      if (response.url().endsWith(`/${approval_id}/approve`)) answers.push(response.status());
    });
    await looksAt(mara.page, approval_id);
    await approves(mara.page);
    await endSessions(mara.email);
    const again = mara.page.getByRole("dialog", { name: "Sign in again" });
    await again.waitFor();
    assert.equal((await admin.approval(approval_id)).status, "pending");
    await mara.signsIn(mara, again);
    await news(mara.page, "send_invoice approved").waitFor();
    // Refused before, when the five seconds were over before the sign-in; accepted once in any case.
    assert.deepEqual(answers.filter((status) => status !== 401), [200]);
    assert.equal((await admin.approval(approval_id)).history.filter(({ to }) => to === "approved").length, 1);
  });

  tells("an answer that never came is settled by a person who looked", async (people) => {
    const moody = await connect(gateway.toolkit("moody"), gateway.agentKey);
    const { approval_id } = held(await call(moody, "vanish", { of: "settling" }));
    await admin.approve(approval_id);
    refused(await call(moody, "vanish", { of: "settling" }));
    assert.equal((await statusOf(moody, approval_id)).status, "outcome_unknown");

    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    await looksAt(mara.page, approval_id);
    await card(mara.page).getByText("Someone needs to check").waitFor();
    const choice = card(mara.page).getByRole("button", { name: "It did not run" });
    assert.equal(await choice.getAttribute("aria-disabled"), "true", "the answer may still come");
    await look(mara, "inbox-outcome-unknown");
    await card(mara.page).getByLabel("How you know").fill("The other side's log has nothing of it.");
    // The lease of ten seconds and the time limit of one.
    await mara.page.locator("button[aria-disabled=false]", { hasText: "It did not run" }).click({ timeout: 20_000 });
    await news(mara.page, "Settled: it did not run").waitFor();
    const { status, history } = await admin.approval(approval_id);
    assert.equal(status, "not_executed");
    assert.equal(history.at(-1).note, "The other side's log has nothing of it.");
    assert.equal(upstream.calls.length, 1, "it is never sent again by itself");
    assert.notEqual(held(await call(moody, "vanish", { of: "settling" })).approval_id, approval_id);
    await moody.close();
  });

  tells("an inbox that is open while the gateway restarts goes on by itself", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: INBOX });
    // The groups that nobody has opened are loaded about now, and can be later.
    mara.foresees(/^broken .* net::ERR_/, /^answer 50[23] /, /^console TypeError: Failed to fetch[^]*\/groups\.js/);
    await mara.page.getByRole("heading", { name: "Inbox" }).waitFor();
    await mara.page.evaluate(() => void (window.sameLoad = true));
    await agent.close();
    await gateway.halt();
    await mara.page.getByText("Not connected.").waitFor();
    await look(mara, "not-connected");
    await gateway.resume();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    const { approval_id } = held(await call(agent, "send_invoice", invoice("Afterwards")));
    await row(mara.page, approval_id).waitFor({ timeout: 15_000 });
    await mara.page.getByText("Not connected.").waitFor({ state: "hidden" });
    await looksAt(mara.page, approval_id);
    await approves(mara.page);
    await news(mara.page, "send_invoice approved").waitFor();
    assert.ok(await mara.page.evaluate(() => window.sameLoad), "without being loaded again");
    const answer = await call(agent, "send_invoice", invoice("Afterwards"));
    assert.ok(!answer.isError, textOf(answer));
  });

  /** Ends every console session of a person, as they could from elsewhere. */
  async function endSessions(email) {
    assert.equal(email, gateway.adminEmail);
    const { items } = await admin.call("GET", "/auth/sessions");
    for (const { id } of items) await admin.call("DELETE", `/auth/sessions/${id}`);
  }
});
