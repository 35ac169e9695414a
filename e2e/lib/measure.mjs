// What a page does with its time, measured in the page itself: when the first request of a list stood
// there, what kept the page from answering, and how long a key took to be seen.

/** Measures a page from its next navigation on. */
export async function measured(page) {
  await page.addInitScript(measuring);
}

/** Milliseconds from the navigation until the first request stood in the list. Waits for it. */
export function firstRow(page) {
  return page.waitForFunction(() => window.measured?.firstRow).then((found) => found.jsonValue());
}

/** The tasks of more than 50 ms, in milliseconds, since the navigation or the last {@link forgetTasks}. */
export async function longTasks(page) {
  return page.evaluate(async () => {
    // Entries are handed over when the page is idle.
    await new Promise((done) => setTimeout(done, 0));
    return window.measured.tasks.map(Math.round);
  });
}

/** Begins to count long tasks anew. */
export function forgetTasks(page) {
  return page.evaluate(() => void (window.measured.tasks = []));
}

/**
 * Presses a key `times` times, and gives for each how many milliseconds passed from the key until a frame was painted in
 * which other elements, or more or fewer, matched the selector than before. `null`: nothing had changed within a second.
 */
export async function latencies(page, key, times, selector) {
  const found = [];
  for (let n = 0; n < times; n++) {
    await page.evaluate(watchKey, selector);
    await page.keyboard.press(key);
    found.push(await page.evaluate(() => window.keyAnswered));
  }
  return found;
}

/** The number in the middle; what never came counts as endless. */
export function median(numbers) {
  const sorted = numbers.map((number) => number ?? Infinity).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The number below which this share of them lies. */
export function percentile(numbers, share) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The request that is selected in the list; for {@link latencies}. */
export const SELECTED_ROW = '[id^="request-"][aria-current="true"]';

/** The requests that the list shows; for {@link latencies}. */
export const ROWS = '[id^="request-"][href]';

/** Runs in the page, before anything of its own. */
function measuring() {
  window.measured = { tasks: [], firstRow: undefined };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.measured.tasks.push(duration);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (document.querySelector('[id^="request-"][href]')) window.measured.firstRow = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}

/** Runs in the page. */
function watchKey(selector) {
  const matched = () => {
    const found = document.querySelectorAll(selector);
    return `${found.length} ${found[0]?.id}`;
  };
  const before = matched();
  window.keyAnswered = new Promise((resolve) => {
    const pressed = ({ timeStamp }) => {
      // A message that is sent before a frame is painted arrives after it.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now() - timeStamp);
      const look = (now) => {
        if (matched() !== before) port2.postMessage(undefined);
        else if (now - timeStamp > 1_000) resolve(null);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    };
    addEventListener("keydown", pressed, { once: true, capture: true });
  });
}
