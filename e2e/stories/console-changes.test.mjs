// What people change in the console: two who change the same thing, consent to what a change stops elsewhere, one's own
// password, and leaving an org.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Refused, rest, signIn } from "../lib/admin.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { news } from "../lib/room.mjs";

const PASSWORD = "quite a long pass phrase";
const MEMBERS = "/acme/people";
const REFUSED = /^answer (404|409|412) (PATCH|DELETE) \/api\/v1\/orgs\/acme\/(members|invitations)\//;

describe("what people change in the console", () => {
  let gateway, admin;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
  });
  after(() => gateway?.stop());

  tells("two people give the same member another role", async (people) => {
    const ben = await joins("ben", "approver");
    const mara = await people.enter(gateway, credentials(gateway), { at: MEMBERS });
    mara.foresees(REFUSED);
    const lena = await people.enter(gateway, await joins("lena", "admin"), { at: MEMBERS });
    const change = await asks(mara, "Change role", ben.email);
    await change.getByLabel("Role").selectOption("member");

    const other = await asks(lena, "Change role", ben.email);
    await other.getByLabel("Role").selectOption("auditor");
    await other.getByRole("button", { name: "Change role" }).click();
    await news(lena.page, "is now auditor").waitFor();

    await change.getByRole("button", { name: "Change role" }).click();
    const meanwhile = change.getByRole("status");
    await meanwhile.getByText(/Someone else changed the role of .* from approver to auditor/).waitFor();
    assert.equal(await role(ben), "auditor", "nothing was done");
    assert.equal(await change.getByLabel("Role").inputValue(), "member", "what was chosen is kept");
    assert.match(await change.innerText(), /can no longer .*see the audit/, "from what it is now");
    await look(mara, "people-change-meanwhile");
    await change.getByRole("button", { name: "Change role" }).click();
    await news(mara.page, "is now member").waitFor();
    assert.equal(await role(ben), "member");
  });

  tells("nobody is removed, or uninvited, whom somebody else has changed meanwhile", async (people) => {
    const una = await joins("una", "approver");
    const mara = await people.enter(gateway, credentials(gateway), { at: MEMBERS });
    mara.foresees(REFUSED);
    let remove = await asks(mara, "Remove", una.email);
    await admin.acme("PATCH", `/members/${una.id}`, { role: "auditor" });
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await remove.getByText(/from approver to auditor/).waitFor();
    assert.equal(await role(una), "auditor", "they are not removed");
    await look(mara, "people-remove-meanwhile");
    await admin.acme("DELETE", `/members/${una.id}`);
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await remove.getByText(/is no longer in acme: someone else removed them/).waitFor();
    assert.ok(await remove.getByRole("button", { name: "Remove", exact: true }).isDisabled());
    await look(mara, "people-remove-gone");
    await mara.page.keyboard.press("Escape");

    const { invitation, id } = await admin.acme("POST", "/invitations", { email: "olu@example.com", role: "member" });
    await mara.page.reload();
    await mara.page.getByRole("row", { name: /olu@/ }).getByRole("button", { name: /^Withdraw/ }).click();
    remove = mara.page.getByRole("dialog");
    await admin.acme("DELETE", `/invitations/${id ?? invitation.id}`);
    await remove.getByRole("button", { name: "Withdraw", exact: true }).click();
    await remove.getByText(/is no longer pending/).waitFor();
    assert.ok(await remove.getByRole("button", { name: "Withdraw", exact: true }).isDisabled());
  });

  tells("what a narrower role and a removal do to keys is read first, and then consented to", async (people) => {
    const kai = await joins("kai", "admin");
    await makesKey(kai, "nightly export", "auditor");
    const mara = await people.enter(gateway, credentials(gateway), { at: MEMBERS });
    mara.foresees(REFUSED);
    const change = await asks(mara, "Change role", kai.email);
    await change.getByLabel("Role").selectOption("member");
    await change.getByRole("button", { name: "Change role" }).click();
    await change.getByRole("listitem").filter({ hasText: "nightly export: can no longer" }).waitFor();
    await look(mara, "people-change-consent");
    // What was read was about another role: that is no consent to this one.
    await change.getByLabel("Role").selectOption("approver");
    await change.getByRole("button", { name: "Change role" }).click();
    await change.getByRole("button", { name: "Change role anyway" }).waitFor();
    assert.equal(await role(kai), "admin", "nothing was done yet");
    await change.getByRole("button", { name: "Change role anyway" }).click();
    await news(mara.page, "is now approver").waitFor();

    const remove = await asks(mara, "Remove", kai.email);
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await remove.getByRole("listitem").filter({ hasText: "nightly export: is revoked" }).waitFor();
    await look(mara, "people-remove-consent");
    await remove.getByRole("button", { name: "Remove anyway" }).click();
    await news(mara.page, "was removed from acme").waitFor();
    const { items } = await admin.acme("GET", "/api-keys?limit=200");
    assert.ok(items.find(({ name }) => name === "nightly export").revoked_at, "the key is revoked");
  });

  tells("a removal that leaves nobody to decide is consented to, or not done", async (people) => {
    await admin.acme("POST", "/roles", { name: "checker", rights: ["approvals:read", "approvals:decide"] });
    const lou = await joins("lou", "checker");
    const approval_policy = { approver_roles: ["checker"] };
    await admin.acme("POST", "/toolkits", { slug: "vault", name: "Vault", visibility: "private", approval_policy });
    const mara = await people.enter(gateway, credentials(gateway), { at: MEMBERS });
    mara.foresees(REFUSED);
    const remove = await asks(mara, "Remove", lou.email);
    await mara.page.evaluate(pressesAtOnce, "Remove anyway");
    await remove.getByRole("button", { name: "Remove", exact: true }).click();
    await remove.getByRole("listitem").filter({ hasText: "vault" }).waitFor();
    // The second half of a double click is no consent to what nobody can have read.
    await remove.getByText("One moment").waitFor();
    await look(mara, "people-remove-stops");
    await remove.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await role(lou), "checker");
    const again = await asks(mara, "Remove", lou.email);
    await again.getByRole("button", { name: "Remove", exact: true }).click();
    await again.getByRole("button", { name: "Remove anyway" }).click();
    await news(mara.page, "was removed from acme").waitFor();
    assert.equal(await role(lou), undefined);
  });

  tells("somebody changes their own password without a mouse", async (people) => {
    const pia = await joins("pia", "approver");
    const new_ = "another long pass phrase";
    const token = await token_of(pia);
    const there = await people.enter(gateway, pia, { at: "/acme/inbox" });
    there.foresees(/^answer 401 /);
    const here = await people.enter(gateway, pia, { at: "/me" });
    here.foresees(/^answer 422 PUT \/api\/v1\/me\/password$/);
    const { keyboard } = here.page;
    const present = here.page.getByLabel("Current password");
    const next = here.page.getByLabel("New password");
    const types = async (current, chosen) => {
      await tabsTo(here.page, present);
      await keyboard.press("Control+A");
      await keyboard.type(current);
      await keyboard.press("Tab");
      await keyboard.press("Control+A");
      await keyboard.type(chosen);
      await keyboard.press("Enter");
    };
    await types("not my pass phrase", new_);
    await here.page.getByRole("alert").filter({ hasText: "is not your password" }).waitFor();
    assert.equal(await next.inputValue(), new_, "what was typed is kept");
    assert.equal(await present.getAttribute("aria-invalid"), "true");
    await look(here, "me-password-wrong");
    await types(PASSWORD, "too short");
    await here.page.getByRole("alert").filter({ hasText: "12" }).waitFor();
    assert.equal(await next.getAttribute("aria-invalid"), "true");
    assert.equal((await here.sessions()).length, 2, "nothing has ended");
    await types(PASSWORD, new_);
    await news(here.page, "Password changed").waitFor();
    assert.deepEqual([await present.inputValue(), await next.inputValue()], ["", ""]);
    assert.equal((await here.sessions()).length, 1, "only this one goes on");
    await here.page.getByRole("list", { name: "Your sessions" }).getByRole("button").waitFor({ state: "detached" });
    await assert.rejects(rest(gateway, token, "GET", "/me"), is(401));
    await assert.rejects(token_of(pia), is(401));
    await there.page.reload();
    await there.page.waitForURL(/\/login/);
    await there.signsIn({ email: pia.email, password: new_ });
    await there.page.getByRole("heading", { name: "Inbox" }).waitFor();
  });

  tells("who leaves an org reads what that stops, and consents", async (people) => {
    const lea = await joins("lea", "approver");
    const here = await people.enter(gateway, lea, { at: "/me" });
    here.foresees(/^answer 409 DELETE \/api\/v1\/me\/orgs\/acme$/);
    // As a gateway says it that has more to name than it counts.
    await here.page.route("**/api/v1/me/orgs/acme", (route) =>
      route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify(STOPS) }),
    );
    await here.page.getByRole("button", { name: "Leave acme" }).click();
    const leave = here.page.getByRole("dialog", { name: "Leave acme?" });
    await look(here, "me-leave");
    await leave.getByRole("button", { name: "Leave", exact: true }).click();
    await leave.getByRole("listitem").filter({ hasText: "robot: is revoked" }).waitFor();
    await leave.getByRole("listitem").filter({ hasText: "and more that are not listed here" }).waitFor();
    await leave.getByText("more than 1,000 API keys").waitFor();
    await look(here, "me-leave-consent");
    assert.equal(await role(lea), "approver");
    await leave.getByRole("button", { name: "Leave anyway" }).click();
    await news(here.page, "You left acme").waitFor();
    await here.page.getByRole("button", { name: "Leave acme" }).waitFor({ state: "detached" });
    assert.equal(await role(lea), undefined);
  });

  /** Adds a member; gives what they sign in with, and the membership's id. */
  async function joins(name, role) {
    const email = `${name}@example.com`;
    const { id } = await admin.acme("POST", "/members", { email, role, password: PASSWORD });
    return { email, password: PASSWORD, id };
  }

  async function role({ id }) {
    const { items } = await admin.acme("GET", "/members?limit=200");
    return items.find((member) => member.id === id)?.role;
  }

  async function token_of({ email, password }) {
    return (await rest(gateway, undefined, "POST", "/auth/login", { email, password })).access_token;
  }

  async function makesKey(person, name, role) {
    await rest(gateway, await token_of(person), "POST", "/orgs/acme/api-keys", { name, role });
  }
});

const STOPS = {
  type: "about:blank",
  title: "Conflict",
  status: 409,
  code: "owns_keys",
  detail: "`lea@example.com`: more than 1,000 API keys would end or do less; with `?force=true` it is done all the same",
  request_id: "00000000-0000-7000-8000-000000000000",
  affected: [{ kind: "api_key", name: "robot", effect: "is revoked" }],
  more: true,
};

/** Opens a dialog about a member. */
async function asks(person, what, email) {
  const line = person.page.getByRole("row", { name: new RegExp(email) });
  await line.getByRole("button", { name: new RegExp(`^${what}`) }).click();
  const dialog = person.page.getByRole("dialog", { name: new RegExp(email) });
  await dialog.waitFor();
  return dialog;
}

/** Presses Tab until this has the focus. */
async function tabsTo(page, field) {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if (await field.evaluate((field) => field === document.activeElement)) return;
  }
  assert.fail(`no Tab leads to ${field}`);
}

/** Runs in the page: presses a button as soon as it has these words. */
function pressesAtOnce(words) {
  const observer = new MutationObserver(() => {
    const button = [...document.querySelectorAll("dialog[open] button")].find(({ innerText }) => innerText === words);
    if (!button) return;
    observer.disconnect();
    button.click();
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
}

function is(status) {
  return (error) => error instanceof Refused && error.status === status;
}
