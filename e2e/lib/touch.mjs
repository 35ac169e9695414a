// A person with a finger: windows of a phone and of a tablet, and taps where something is seen.
//
// A tap is what the browser makes of a finger that comes down and goes up at one place: pointer and
// touch events of kind touch, then what a mouse would have sent. It is done at once, at the place where
// the element was seen last, as a finger does it: a node that is replaced under the finger is a dead tap,
// which `locator.click()` would hide, because it looks for the element again.

import assert from "node:assert/strict";

/** Options of `people.enter` for a phone held upright. */
export const PHONE = { viewport: { width: 360, height: 740 }, touch: true };

/** Options of `people.enter` for a tablet, where list and request stand side by side. */
export const TABLET = { viewport: { width: 1200, height: 800 }, touch: true };

/** Taps the middle of what the locator names, once. Fails when it cannot be seen, or something lies over it. */
export async function taps(page, locator) {
  await locator.waitFor();
  await locator.scrollIntoViewIfNeeded();
  const { x, y } = await place(locator);
  await page.touchscreen.tap(x, y);
}

/** Taps twice at the same place, as far apart as a finger's double tap, whatever is there the second time. */
export async function tapsTwice(page, locator, apart = 120) {
  await locator.waitFor();
  await locator.scrollIntoViewIfNeeded();
  const { x, y } = await place(locator);
  await page.touchscreen.tap(x, y);
  await page.waitForTimeout(apart);
  await page.touchscreen.tap(x, y);
}

/** Where a finger or a mouse would come down: the middle of an element, if the element is what lies there. */
export async function place(locator) {
  const found = await locator.evaluate((element) => {
    // Of a link over several lines the first is what is seen.
    const { left, top, width, height } = element.getClientRects()[0] ?? element.getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    const there = document.elementFromPoint(x, y);
    const reached = there !== null && (element.contains(there) || there.contains(element));
    return { x, y, reached, there: there?.outerHTML.slice(0, 160) ?? "nothing" };
  });
  assert.ok(found.reached, `a finger on ${locator} would touch ${found.there}`);
  return found;
}
