// A person with a phone and one finger: what they come for on the pages beside the inbox.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { PHONE, taps } from "../lib/touch.mjs";

describe("the console under a finger", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
    await admin.reject(held(await call(agent, "send_invoice", invoice("Hollis & Sons"))).approval_id, "not now");
    await call(agent, "list_invoices", {});
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  tells("one signs in, goes everywhere by the bar and its sheet, and signs out", async (people) => {
    const nora = await people.stranger(gateway, PHONE);
    const { page } = nora;
    await nora.goes("/login");
    await taps(page, page.getByLabel("E-mail"));
    await page.keyboard.type(gateway.adminEmail);
    await taps(page, page.getByLabel("Password"));
    await page.keyboard.type(gateway.adminPassword);
    await taps(page, page.getByRole("button", { name: "Sign in", exact: true }));
    const bar = page.getByRole("navigation", { name: "Main" });
    await taps(page, bar.getByRole("link", { name: /^Inbox/ }));
    await page.waitForURL(/\/acme\/inbox/);
    await taps(page, bar.getByRole("link", { name: "Audit" }));
    await page.waitForURL(/\/acme\/audit/);
    const more = bar.getByRole("button", { name: "More" });
    await taps(page, more);
    await taps(page, bar.getByRole("link", { name: "People" }));
    await page.waitForURL(/\/acme\/people/);
    await bar.getByRole("link", { name: "People" }).waitFor({ state: "hidden" });
    // What lies over the page goes away where one taps beside it, and the page under the finger does nothing.
    await taps(page, more);
    await page.touchscreen.tap(180, 40);
    await bar.getByRole("link", { name: "People" }).waitFor({ state: "hidden" });
    assert.match(page.url(), /\/acme\/people/);
    await taps(page, more);
    await taps(page, bar.getByRole("link", { name: /admin@/ }).or(bar.getByRole("link", { name: "Your account" })).first());
    await page.waitForURL(/\/me$/);
    await taps(page, page.getByRole("main").getByRole("button", { name: "Sign out", exact: true }).first());
    await page.waitForURL(/\/login/);
    await page.getByLabel("Password").waitFor();
  });

  tells("somebody is invited, and the invitation is taken back", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: "/acme/people", ...PHONE });
    await taps(page, page.getByLabel("E-mail"));
    await page.keyboard.type("finger@example.com");
    await taps(page, page.getByRole("button", { name: "Create invite link" }));
    await page.getByText(`${gateway.url}/invite#`).waitFor();
    await taps(page, page.getByRole("button", { name: "Done" }));
    const row = page.getByRole("row", { name: /finger@example\.com/ });
    await taps(page, row.getByRole("button", { name: /^Withdraw/ }));
    // Two taps at one place are no answer to a question that has just come up.
    await page.waitForTimeout(800);
    await taps(page, page.getByRole("dialog").getByRole("button", { name: "Withdraw" }));
    await row.waitFor({ state: "detached" });
  });

  tells("records are filtered, by the timeline too, and read", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: "/acme/audit", ...PHONE });
    const quick = page.getByRole("group", { name: "Quick filters" });
    await taps(page, quick.getByRole("button", { name: "Today" }));
    await page.waitForURL(/from=/);
    await taps(page, quick.getByRole("button", { name: "Today" }));
    await page.waitForURL((url) => url.search === "");
    await page.getByText(/^\d+ records?$/).waitFor();
    const bars = page.getByRole("group", { name: "Choose a time range" }).getByRole("button");
    // The bars are drawn anew once for all the records that have just been read.
    await page.waitForLoadState("networkidle");
    await page.locator(".bars > [aria-label*='went through']").first().waitFor();
    await taps(page, bars.last());
    await page.waitForURL(/from=.*&to=/);
    await page.waitForLoadState("networkidle");
    await taps(page, page.getByRole("button", { name: /^Remove filter / }).first());
    await page.waitForURL((url) => url.search === "");
    await page.getByText(/^\d+ records?$/).waitFor();
    await taps(page, page.getByRole("button", { name: "Filter", exact: true }));
    await page.getByLabel("Tool", { exact: true }).selectOption("list_invoices");
    await page.waitForURL(/tool=list_invoices/);
    await page.getByText(/^\d+ records?$/).waitFor();
    await taps(page, page.locator("a.to-record", { hasText: "list_invoices" }).first());
    await page.getByRole("heading", { level: 1, name: "list_invoices" }).waitFor();
  });
});

function invoice(customer) {
  return { customer, amount_cents: 418_000, currency: "EUR" };
}
