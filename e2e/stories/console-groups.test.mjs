// The console loads by the page: the rooms that nobody has opened come when the browser is idle, each opens from a link in
// a browser that has never been there, and one whose files are gone after an update says so and takes nothing else along.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held } from "../lib/agent.mjs";
import { credentials, tells } from "../lib/browser.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { INBOX, approves, looksAt, news } from "../lib/room.mjs";

/** A file of a group of rooms. */
const GROUP = /\/assets\/console-[0-9a-f]{16}\/(split|chunk)_\w+\.wasm$/;

describe("the console loads by the page", () => {
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

  tells("the inbox loads nothing of other rooms before the browser is idle, and all of it then", async (people) => {
    const id = await ask("Before it is idle");
    const { mara, loaded } = await enters(people);
    await mara.goes(INBOX);
    await looksAt(mara.page, id);
    await mara.page.waitForFunction(() => window.idle.length > 0);
    assert.deepEqual(loaded.map(({ url }) => url), []);

    await mara.page.evaluate(() => window.idle.forEach((act) => act()));
    const answered = (group) => () => loaded.some(({ url, done }) => done && url.endsWith(`/split_${group}.wasm`));
    for (const group of ["seldom", "request", "audit", "record", "people", "account"]) await until(answered(group), `${group} is loaded`);

    // From now on the rooms open without the server's files.
    await mara.page.route(GROUP, (route) => route.abort());
    const before = loaded.length;
    await opens(mara.page, "Audit");
    await opens(mara.page, "People");
    assert.equal(loaded.length, before);
    await admin.reject(id, "seen");
  });

  tells("every room opens from a link in a browser that was never there", async (people) => {
    const id = await ask("From a link");
    const { items } = await admin.acme("GET", "/audit?limit=1");
    const rooms = [
      [INBOX, "Inbox"],
      [`/acme/approvals/${id}`, "Request"],
      ["/acme/audit", "Audit"],
      [`/acme/audit/${items[0].id}`, ""],
      ["/acme/people", "People"],
      ["/me", "Your account"],
      ["/invite#unknown", "This invitation no longer works"],
    ];
    for (const [address, name] of rooms) {
      const mara = await people.enter(gateway, credentials(gateway));
      mara.foresees(/^answer 404 POST \/api\/v1\/invitations\/view$/);
      await mara.goes(address);
      await mara.page.locator(".skeleton").first().waitFor({ state: "detached" });
      const heading = mara.page.getByRole("heading", { level: 1, name: name || /./ });
      await heading.first().waitFor({ state: "attached" });
      assert.equal(await mara.page.getByText("could not be loaded").count(), 0, address);
      await mara.context.close();
    }
    await admin.reject(id, "seen");
  });

  tells("a room whose files are gone says so, and the console goes on", async (people) => {
    const id = await ask("While a room is gone");
    const { mara } = await enters(people);
    const { page } = mara;
    // The loader's own words about it.
    mara.foresees(/^answer 404 GET \/assets\//, /^console /);
    await mara.goes(INBOX);
    const gone = (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" });
    await page.route(/split_people\.wasm$/, gone);
    await link(page, "People").click();
    await notLoaded(page).waitFor();

    await opens(page, "Inbox");
    await looksAt(page, id);
    await approves(page);
    await news(page, "Approving").getByRole("button", { name: "Undo" }).click();
    await news(page, "Undone").waitFor();
    await opens(page, "Audit");
    await link(page, "People").click();
    await notLoaded(page).waitFor();

    await page.unroute(/split_people\.wasm$/, gone);
    await opens(page, "Inbox");
    await opens(page, "People");
    await page.getByRole("table").first().waitFor();
    await admin.reject(id, "seen");
  });

  tells("the console is loaded anew from a room whose files are gone", async (people) => {
    const { mara } = await enters(people);
    const { page } = mara;
    mara.foresees(/^answer 404 GET \/assets\//, /^console /);
    await page.route(GROUP, (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" }));
    await mara.goes("/acme/people");
    await notLoaded(page).waitFor();
    await page.unroute(GROUP);
    await page.getByRole("button", { name: "Reload the console" }).click();
    await page.getByRole("heading", { level: 1, name: "People" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/acme/people");
  });

  async function ask(customer) {
    const { approval_id } = held(await call(agent, "send_invoice", { customer, amount_cents: 1, currency: "EUR" }));
    return approval_id;
  }

  /** Somebody whose browser is not idle before the story says so, and what they load of groups. */
  async function enters(people) {
    const mara = await people.enter(gateway, credentials(gateway));
    await mara.page.addInitScript(() => {
      window.idle = [];
      window.requestIdleCallback = (act) => window.idle.push(act);
    });
    const loaded = [];
    mara.page.on("request", (request) => GROUP.test(request.url()) && loaded.push({ url: request.url(), request }));
    mara.page.on("requestfinished", (request) => {
      for (const one of loaded) if (one.request === request) one.done = true;
    });
    return { mara, loaded };
  }
});

function link(page, room) {
  return page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: new RegExp(`^${room}`) });
}

async function opens(page, room) {
  await link(page, room).click();
  await page.getByRole("heading", { level: 1, name: room }).waitFor();
}

function notLoaded(page) {
  return page.getByRole("heading", { level: 1, name: "This page could not be loaded" });
}

async function until(holds, what) {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
