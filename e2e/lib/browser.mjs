// People at a real Chromium: one browser for a test file, a context of its own for each person.
//
// A story fails when something goes wrong that it did not foresee, although every check in it held:
// an error in the browser's console, a script that threw, a breach of the content security policy, a
// request to another origin, an answer of 400 or above.

import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, it } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const SCREENSHOTS = fileURLToPath(new URL("../screenshots", import.meta.url));
const WAIT_MS = 10_000;

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Everything is on the loopback.
  "--no-proxy-server",
];

let browser;
after(() => browser?.close());

/** Tells a story of one or more people, as a test. When it fails, what they saw last is kept. */
export function tells(name, story, options = {}) {
  it(name, { timeout: 90_000, ...options }, async () => {
    browser ??= await chromium.launch({
      executablePath: executable(),
      args: process.getuid?.() === 0 ? [...FLAGS, "--no-sandbox"] : FLAGS,
    });
    const people = new People(browser);
    try {
      await story(people);
      people.calm();
    } catch (error) {
      await people.photographed(name);
      const met = people.all.flatMap(({ troubles }) => troubles);
      if (met.length > 0 && error.code !== "ERR_ASSERTION") error.stack += `\nmet on the way:\n  ${met.join("\n  ")}\n`;
      throw error;
    } finally {
      await people.leave();
    }
  });
}

/** Those who take part in a story. */
class People {
  constructor(browser) {
    this.browser = browser;
    this.all = [];
  }

  /**
   * Somebody who is not signed in, before an empty window. `touch`: they have a finger and no mouse (touch.mjs has windows
   * that go with it). `media` are preferences such as `{forcedColors: "active"}`, as `browser.newContext` takes them.
   */
  async stranger(gateway, { viewport = { width: 1280, height: 900 }, touch = false, media = {} } = {}) {
    const device = { viewport, hasTouch: touch, isMobile: touch };
    const context = await this.browser.newContext({ baseURL: gateway.url, locale: "en-GB", ...device, ...media });
    context.setDefaultTimeout(WAIT_MS);
    await context.addInitScript(reportBreaches);
    const person = new Person(gateway, context, await context.newPage());
    this.all.push(person);
    return person;
  }

  /** Somebody who is signed in, by the API, and stands before `at`. */
  async enter(gateway, { email, password } = credentials(gateway), { at, ...options } = {}) {
    const person = await this.stranger(gateway, options);
    person.email = email;
    person.password = password;
    const answer = await person.page.request.post("/api/v1/auth/session", { data: { email, password } });
    assert.equal(answer.status(), 204, await answer.text());
    if (at) await person.goes(at);
    return person;
  }

  calm() {
    for (const person of this.all) person.calm();
  }

  async photographed(story) {
    await mkdir(SCREENSHOTS, { recursive: true });
    for (const [n, { page }] of this.all.entries()) {
      const file = path.join(SCREENSHOTS, `failed-${story.replaceAll(/[^a-z0-9]+/gi, "-")}-${n + 1}.png`);
      await page.screenshot({ path: file }).catch(() => {});
    }
  }

  async leave() {
    await Promise.all(this.all.map(({ context }) => context.close()));
  }
}

/** Who administers the sample org. */
export function credentials(gateway) {
  return { email: gateway.adminEmail, password: gateway.adminPassword };
}

/** Somebody with a window. */
class Person {
  constructor(gateway, context, page) {
    this.gateway = gateway;
    this.context = context;
    this.page = page;
    this.troubles = [];
    // Who is signed in is found out by asking.
    this.foreseen = [/^answer 401 GET \/api\/v1\/auth\/session$/];
    this.watch(page);
  }

  watch(page) {
    const trouble = (text) => this.troubles.push(text);
    page.on("pageerror", (error) => trouble(`threw ${error.message}`));
    page.on("console", (message) => {
      // Answers and broken connections are noted below, with more to tell them by.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        trouble(`console ${message.text()}`);
      }
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.origin !== this.gateway.url) trouble(`elsewhere ${url.href}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) trouble(`answer ${response.status()} ${named(response.request())}`);
    });
    page.on("requestfailed", (request) => {
      const { errorText } = request.failure();
      // Given up by the page itself, because somebody went on to another.
      if (errorText !== "net::ERR_ABORTED") trouble(`broken ${named(request)} ${errorText}`);
    });
  }

  /** This trouble belongs to the story. */
  foresees(...patterns) {
    this.foreseen.push(...patterns);
  }

  /** Nothing happened that was not foreseen. */
  calm() {
    const unforeseen = this.troubles.filter((trouble) => !this.foreseen.some((pattern) => pattern.test(trouble)));
    assert.deepEqual(unforeseen, [], `${this.email ?? "a stranger"} met trouble`);
  }

  /** Opens an address of the console and waits until it stands. */
  async goes(address) {
    await this.page.goto(address);
    await this.page.locator("main, dialog[open]").first().waitFor();
  }

  /** Fills in the form that asks who one is, at the door or over a page. */
  async signsIn({ email, password } = this, form = this.page) {
    const field = form.getByLabel("E-mail");
    if (await field.isEditable()) await field.fill(email);
    await form.getByLabel("Password").fill(password);
    await form.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  /** The sessions that the server knows of this person. */
  async sessions() {
    const answer = await this.page.request.get("/api/v1/auth/sessions");
    return (await answer.json()).items;
  }
}

function named(request) {
  return `${request.method()} ${new URL(request.url()).pathname}`;
}

/** Runs in the page: a breach of the policy does not always reach the console. */
function reportBreaches() {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
  });
}

function executable() {
  if (process.env.PERMESSO_CHROMIUM) return process.env.PERMESSO_CHROMIUM;
  for (const name of ["chromium", "google-chrome", "chromium-browser"]) {
    for (const directory of (process.env.PATH ?? "").split(path.delimiter)) {
      const file = path.join(directory, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  throw new Error("there is no Chromium: install it, or set PERMESSO_CHROMIUM to its path");
}
