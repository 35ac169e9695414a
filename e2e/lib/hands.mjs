// Ways to decide: by keyboard alone, by mouse alone, by finger. Each has the same verbs, so that one plan can be carried
// out by all of them; each acts once and at once where something is seen, and never looks for it again.

import { card, row, selected } from "./room.mjs";
import { place, taps } from "./touch.mjs";

/** How long a person looks before acting on what they have read, in milliseconds. */
const READS_MS = 250;

/** Waits until this request is shown and can be decided, and has been read: `words` are among its arguments. */
export async function reads(page, id, words) {
  await page.waitForURL((url) => url.href.includes(id));
  await card(page).getByText(words).first().waitFor();
  await page.getByRole("button", { name: /^Approve(?! again)/, disabled: false }).first().waitFor();
  await page.waitForTimeout(READS_MS);
}

/** Somebody with a keyboard alone. */
export function keyboard(page) {
  const press = (key) => page.keyboard.press(key);
  return {
    /** Goes to this request, by the list's keys. */
    async goes(id, at, order) {
      for (let tries = 0; selected(page) !== id && tries < order.length; tries++) {
        await press(order.indexOf(selected(page)) < at ? "j" : "k");
        await painted(page);
      }
    },
    /** Away from this request and back to it, by the list. */
    async returns(id, at, order) {
      await press(at === 0 ? "j" : "k");
      await painted(page);
      await this.goes(id, at, order);
    },
    approves: () => press("a"),
    undoes: () => press("z"),
    async rejects(words) {
      await press("r");
      await page.getByRole("dialog", { name: /^Reject / }).getByRole("textbox", { name: "Your reason" }).and(page.locator(":focus")).waitFor();
      await page.keyboard.type(words);
      await press("Control+Enter");
    },
  };
}

/** Somebody with a mouse alone, who types words of their own all the same. */
export function mouse(page) {
  return pointing(page, async (locator) => {
    await locator.waitFor();
    await locator.scrollIntoViewIfNeeded();
    const { x, y } = await place(locator);
    await page.mouse.move(x, y, { steps: 3 });
    await page.mouse.click(x, y);
  });
}

/** Somebody with a finger; on a phone list and request are one after the other. */
export function finger(page) {
  return pointing(page, (locator) => taps(page, locator));
}

function pointing(page, press) {
  const button = (name) => page.getByRole("button", { name, exact: true });
  const list = async () => {
    if (await button("Back to the inbox").isVisible()) await press(button("Back to the inbox"));
  };
  return {
    async goes(id) {
      if (selected(page) === id) return;
      await list();
      await press(row(page, id));
    },
    async returns(id) {
      await list();
      await press(row(page, id));
    },
    approves: () => press(button("Approve").or(page.getByRole("button", { name: /^Approve (?!with)/ })).first()),
    async undoes() {
      const undo = page.getByRole("button", { name: "Undo" }).last();
      // What has just come up is inert for a moment, and looks so.
      await undo.and(page.locator('[aria-disabled="false"]')).waitFor();
      await press(undo);
    },
    async rejects(words) {
      await press(button("Reject").first());
      const dialog = page.getByRole("dialog", { name: /^Reject / });
      const reason = dialog.getByRole("textbox", { name: "Your reason" });
      await press(reason);
      await page.keyboard.type(words);
      await press(dialog.getByRole("button", { name: "Reject", exact: true, disabled: false }));
    },
  };
}

/** Two frames: what a key did is seen then. */
export function painted(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}
