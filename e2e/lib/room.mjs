// The console's rooms by the words that people read there: what a person does in them, and waits for.

/** The inbox of acme. */
export const INBOX = "/acme/inbox";

/** A request in the list. */
export function row(page, id) {
  return page.locator(`#request-${id}`);
}

/** The request that is looked at. */
export function card(page) {
  return page.locator("article.request");
}

/** A piece of news: in the bar under a request, or at the foot of a page without one. */
export function news(page, words) {
  return page.locator(".sent, .louds > .loud", { hasText: words });
}

/** Waits for a request in the list, and looks at it. */
export async function looksAt(page, id) {
  await row(page, id).click();
  await isLookedAt(page, id);
}

/** Waits until this request is the one that is looked at, and was there for long enough to be read. */
export async function isLookedAt(page, id) {
  await page.locator(`#request-${id}[aria-current="true"]`).waitFor();
  await card(page).getByRole("heading", { level: 2 }).waitFor();
  await page.locator(".skeleton").waitFor({ state: "detached" });
  // A request that has just appeared is not decided by a press that was meant for the one before.
  await page.waitForTimeout(500);
}

/** Approves what is looked at, by mouse. The decision is sent five seconds later. */
export async function approves(page) {
  await page.getByRole("button", { name: /^Approve(?! again)/ }).click();
  await page.getByRole("button", { name: "Undo" }).first().waitFor();
}

/** Opens the question for a reason, and answers what it is written into. */
export async function asksToReject(page) {
  await page.getByRole("button", { name: "Reject", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: /^Reject / });
  await dialog.waitFor();
  return { dialog, reason: dialog.getByRole("textbox", { name: "Your reason" }) };
}

/** The request that the page's address names as looked at, or `undefined`. */
export function selected(page) {
  const { pathname, searchParams } = new URL(page.url());
  return searchParams.get("selected") ?? /^\/[^/]+\/approvals\/([^/]+)$/.exec(pathname)?.[1];
}

/** Lets a page believe that it is looked at, or not (`visible`, `hidden`): a headless browser shows all its pages. */
export async function sees(page, state) {
  await page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, state);
}
