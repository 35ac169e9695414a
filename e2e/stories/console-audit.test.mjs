// The audit: finding a record by what people know of it, reading it, and taking it along.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { look } from "../lib/look.mjs";
import { fails } from "../lib/network.mjs";
import { PHONE, taps } from "../lib/touch.mjs";

const AUDIT = "/acme/audit";
const MANY = 70;

describe("the audit", () => {
  let gateway, agent, admin;

  before(async () => {
    gateway = await startGateway();
    agent = await connect(gateway.mcpUrl, gateway.agentKey);
    admin = await signIn(gateway);
    const bill = invoice("Brightwater Ltd");
    await admin.approve(held(await call(agent, "send_invoice", bill)).approval_id);
    await call(agent, "send_invoice", bill);
    await admin.reject(held(await call(agent, "send_invoice", invoice("Hollis & Sons"))).approval_id, "not now");
    for (let n = 0; n < MANY; n++) await agent.listTools();
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
  });

  tells("a record is found by its values, read beside the list, and taken along as JSON and as curl", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: AUDIT });
    await page.keyboard.press("/");
    await page.keyboard.type("Brightwater");
    await page.waitForURL(/q=Brightwater/);
    const ran = page.getByRole("row", { name: /Brightwater Ltd.*ran, / });
    await ran.locator("a.to-record").click();
    await page.waitForURL(/selected=/);
    const side = page.getByRole("complementary", { name: "Record" });
    await side.getByText("Approved by").waitFor();
    await side.getByRole("link", { name: "Open request" }).waitFor();
    await side.getByRole("button", { name: "JSON", exact: true }).click();
    await side.getByText("Response as recorded").waitFor();
    await side.getByRole("button", { name: "curl", exact: true }).click();
    const id = new URL(page.url()).searchParams.get("selected");
    await side.getByText(`'${gateway.url}/api/v1/orgs/acme/audit/${id}'`).waitFor();

    await page.keyboard.press("j");
    await page.waitForURL((url) => url.searchParams.get("selected") !== id);
    await page.keyboard.press("k");
    await page.waitForURL(new RegExp(id));
    assert.equal(await page.evaluate(() => document.activeElement.id), `record-${id}`, "the focus is on its row");
    await page.keyboard.press("Enter");
    await page.locator("#record:focus").waitFor();
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => !url.searchParams.has("selected"));
    assert.equal(await page.evaluate(() => document.activeElement.id), `record-${id}`, "and comes back to it");
  });

  tells("the list goes on by itself where one comes near its end", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: `${AUDIT}?action=tools/list` });
    await page.getByText(/^Showing 50 of \d+$/).waitFor();
    await page.locator("a.to-record").last().scrollIntoViewIfNeeded();
    await page.getByText(/^\d+ records$/).waitFor();
    assert.ok((await page.locator("a.to-record").count()) >= MANY);
  });

  tells("quick filters are turned on and off, and stand in the address", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: AUDIT });
    const quick = page.getByRole("group", { name: "Quick filters" });
    const today = quick.getByRole("button", { name: "Today" });
    await today.click();
    await page.waitForURL(/from=/);
    await quick.getByRole("button", { name: "Failed" }).click();
    await page.waitForURL(/status=error(%2C|,)failed/);
    await page.getByText("No matching records").waitFor();
    await quick.getByRole("button", { name: "Approved" }).click();
    await quick.getByRole("button", { name: "Failed" }).click();
    await page.getByRole("row", { name: /Approved a request/ }).first().waitFor();
    await page.reload();
    assert.equal(await today.getAttribute("aria-pressed"), "true");
    await page.getByRole("button", { name: "Clear all" }).click();
    await page.waitForURL((url) => url.search === "");
    assert.equal(await page.evaluate(() => document.activeElement.id), "all-filters");
  });

  tells("callers, toolkits and tools are chosen from what there is", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway), { at: AUDIT });
    const { page } = mara;
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    await page.getByLabel("Tool", { exact: true }).selectOption("send_invoice");
    await page.waitForURL(/tool=send_invoice/);
    await page.getByLabel("Outcome", { exact: true }).selectOption("rejected");
    await page.getByRole("list", { name: "Active filters" }).getByText("Outcome: Rejected").waitFor();
    await look(mara, "audit-filters");
  });

  tells("a bar of the timeline becomes the range of time", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: AUDIT });
    const bars = page.getByRole("group", { name: "Choose a time range" }).getByRole("button");
    await page.locator(".bars > [aria-label*='went through']").first().waitFor();
    await bars.last().click();
    await page.waitForURL(/from=.*&to=/);
    await page.getByRole("button", { name: /^Remove filter / }).waitFor();
    await page.goBack();
    await page.waitForURL((url) => url.search === "");
    await page.waitForFunction(() => document.querySelectorAll(".bars > button").length === 24);
    await bars.last().focus();
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Enter");
    await page.waitForURL(/from=.*&to=/);
    const span = new URL(page.url()).searchParams;
    assert.equal(Date.parse(span.get("to")) - Date.parse(span.get("from")), 2 * 3_600_000, "two bars of an hour");
  });

  tells("a timeline that cannot be read takes nothing else away", async (people) => {
    const mara = await people.enter(gateway, credentials(gateway));
    await fails(mara, /audit\/histogram/, { status: 503 });
    await mara.goes(AUDIT);
    await mara.page.getByText("The timeline could not be loaded.").waitFor();
    await mara.page.locator("a.to-record").first().waitFor();
    await mara.page.getByRole("img", { name: /^Records .*went through/ }).waitFor();
  });

  tells("an export says how far it is, and ends as a file", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: `${AUDIT}?tool=send_invoice` });
    await page.getByRole("button", { name: "Export", exact: true }).click();
    const downloads = page.waitForEvent("download");
    await page.getByRole("button", { name: "JSON Lines" }).click();
    const download = await downloads;
    assert.equal(download.suggestedFilename(), "acme-audit.jsonl");
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\n");
    assert.ok(lines.length >= 3, `${lines.length} lines`);
    for (const line of lines) assert.equal(JSON.parse(line).tool, "send_invoice", line.slice(0, 200));
    await page.getByText(/^Exported \d+ kB$/).waitFor();
  });

  tells("on a phone a record has its own page, and leads to the next one and back", async (people) => {
    const { page } = await people.enter(gateway, credentials(gateway), { at: `${AUDIT}?tool=send_invoice`, ...PHONE });
    await taps(page, page.locator("a.to-record").first());
    await page.waitForURL(/\/acme\/audit\/[0-9a-f-]+\?tool=send_invoice$/);
    const first = page.url();
    await page.getByRole("heading", { level: 1, name: "send_invoice" }).waitFor();
    await taps(page, page.getByRole("button", { name: "Next record" }));
    await page.waitForURL((url) => url.href !== first);
    await taps(page, page.getByRole("link", { name: "Back to the audit" }));
    await page.waitForURL(/\/acme\/audit\?tool=send_invoice$/);
  });
});

function invoice(customer) {
  return { customer, amount_cents: 418_000, currency: "EUR" };
}
