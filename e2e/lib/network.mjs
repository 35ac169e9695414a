// The network between a page and the gateway: slow, failing now and then, and counted. Everything here
// is about one page; nothing but that page's requests is touched.

import assert from "node:assert/strict";

/** A poor mobile connection. */
export const SLOW = { kbit: 400, latency: 400 };

/** A connection so slow that a fetch can be looked at while it is on its way. */
export const SLOWER = { kbit: 100, latency: 1_500 };

/**
 * Makes a page's link slow: `kbit` per second in both directions, and `latency` in milliseconds from a request to
 * its answer's first byte. What it gives makes the link fast again.
 */
export async function slows(page, { kbit, latency } = SLOW) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const throughput = (kbit * 1_000) / 8;
  const conditions = { offline: false, latency, downloadThroughput: throughput, uploadThroughput: throughput };
  await session.send("Network.emulateNetworkConditions", conditions);
  return async () => {
    const unlimited = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await session.send("Network.emulateNetworkConditions", unlimited);
    await session.detach();
  };
}

/**
 * Lets the next `times` requests of a page fail whose URL `pattern` matches (a regular expression, or what
 * `page.route` takes), and those after them through. `status`: they are answered so, with problem details; without,
 * their connection breaks. The person foresees that trouble. `failed()` says how many have failed; `done`
 * resolves when all have.
 */
export async function fails(person, pattern, { times = 1, status, method } = {}) {
  let left = times;
  let finished;
  const done = new Promise((resolve) => (finished = resolve));
  person.foresees(status === undefined ? /^broken .* net::ERR_/ : new RegExp(`^answer ${status} `));
  const fail = async (route) => {
    const request = route.request();
    if (left === 0 || (method && request.method() !== method)) return route.fallback();
    left -= 1;
    if (left === 0) finished();
    await (status === undefined ? route.abort("connectionreset") : route.fulfill(problem(status)));
  };
  await person.page.route(pattern, fail);
  return { failed: () => times - left, done, over: () => person.page.unroute(pattern, fail) };
}

/**
 * Lets the next request of a page hang whose URL `pattern` matches: it is neither answered nor refused. The page's patience
 * with readings is shortened to a second, so that nobody has to have it. `done` resolves when the page gave it up.
 */
export async function hangs(person, pattern) {
  await person.page.addInitScript(() => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = () => timeout(1_000);
  });
  person.foresees(/^broken .* net::ERR_ABORTED/);
  let left = 1;
  let hung;
  const done = person.page.waitForEvent("requestfailed", { predicate: (request) => request === hung, timeout: 30_000 });
  await person.page.route(pattern, (route) => {
    if (left === 0) return route.fallback();
    left -= 1;
    hung = route.request();
  });
  return { done };
}

/** Answers as the gateway does when something is wrong with it. */
function problem(status) {
  return {
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({
      type: "about:blank",
      title: "Unavailable",
      status,
      detail: "a story let this request fail",
      code: "unavailable",
      request_id: "00000000-0000-7000-8000-000000000000",
    }),
  };
}

/** Counts a page's requests and the bytes of their answers from now on, as they travel (headers and body, compressed). */
export async function metered(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  return new Meter(page, session);
}

class Meter {
  constructor(page, session) {
    this.page = page;
    this.session = session;
    this.reset();
    session.on("Network.requestWillBeSent", ({ requestId, request, type }) => {
      if (request.url.startsWith("data:")) return;
      const { pathname, search } = new URL(request.url);
      const kind = type === "EventSource" ? "stream" : type.toLowerCase();
      this.seen.set(requestId, { method: request.method, path: `${pathname}${search}`, kind, bytes: 0, state: "open" });
    });
    session.on("Network.responseReceived", ({ requestId, response }) => {
      const seen = this.seen.get(requestId);
      if (!seen) return;
      seen.status = response.status;
      seen.bytes = response.encodedDataLength;
      if (response.mimeType === "text/event-stream") seen.kind = "stream";
      if (response.fromDiskCache) seen.kind = "cached";
    });
    session.on("Network.eventSourceMessageReceived", ({ eventName, eventId, data }) => {
      // As on the line: `event: …`, `id: …`, `data: …`, each with its end, and an empty line.
      this.streamed += Buffer.byteLength(`event: ${eventName}\nid: ${eventId}\ndata: ${data}\n\n`);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const seen = this.seen.get(requestId);
      if (seen) Object.assign(seen, { bytes: encodedDataLength, state: "done" });
    });
    session.on("Network.loadingFailed", ({ requestId }) => {
      const seen = this.seen.get(requestId);
      if (seen) seen.state = "failed";
    });
  }

  /** Forgets what was counted. Requests on their way are not counted any more. */
  reset() {
    this.seen = new Map();
    /** Bytes that event streams have brought, those included that were opened before. */
    this.streamed = 0;
  }

  /** The requests, event streams left out: `{method, path, kind, status, bytes, state}`. */
  get requests() {
    return [...this.seen.values()].filter(({ kind }) => kind !== "stream" && kind !== "cached");
  }

  /** Those of the REST API. */
  get calls() {
    return this.requests.filter(({ path }) => path.startsWith("/api/"));
  }

  /** How many calls of the REST API, and how many bytes their answers had. */
  get total() {
    return { requests: this.calls.length, bytes: this.calls.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Waits until every counted request is answered, and for `ms` no new one was made. */
  async quiet(ms = 400, within = 20_000) {
    const deadline = Date.now() + within;
    let [count, since] = [this.seen.size, Date.now()];
    for (;;) {
      await this.page.waitForTimeout(50);
      const open = this.requests.some(({ state }) => state === "open");
      if (open || this.seen.size !== count) [count, since] = [this.seen.size, Date.now()];
      if (Date.now() - since >= ms) return;
      assert.ok(Date.now() < deadline, `the page goes on asking:\n${this.listed()}`);
    }
  }

  /** One line each, for messages. */
  listed() {
    return this.requests.map(({ method, path, status, bytes, state }) => `${method} ${path} ${status ?? state} ${bytes} B`).join("\n");
  }

  /** Counts no longer. */
  async stop() {
    await this.session.detach();
  }
}
