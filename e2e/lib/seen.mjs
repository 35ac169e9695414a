// What of a page can be seen, as the browser has worked it out: rings, colours, what lies over what.

/**
 * Presses Tab until it has gone once around, and gives for every element that had the focus what it is and what is wrong
 * with how that is shown: it must have one ring, the page's own, whole, and nothing may lie over the element. An element
 * may have its ring around its row, or around the field that it fills. No more than `most` presses.
 */
export async function ringsByTab(page, most = 80) {
  const met = [];
  await page.evaluate(() => (window.metByTab = new Set()));
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(ringNow);
    if (now === "again") break;
    // Past the last element is the browser itself.
    if (now !== "nothing") met.push(now);
  }
  return met;
}

/** Runs in the page. */
function ringNow() {
  const active = document.activeElement;
  if (active === document.body || active.id === "content") return "nothing";
  if (window.metByTab.has(active)) return "again";
  window.metByTab.add(active);
  const what = `${active.tagName.toLowerCase()} ${active.getAttribute("aria-label") ?? active.textContent}`.trim().slice(0, 50);
  const wrong = [];
  const around = [];
  for (let element = active; element; element = element.parentElement) around.push(element);
  const ringed = around.filter((element) => getComputedStyle(element).outlineStyle !== "none" && !element.matches(".mark"));
  if (ringed.length !== 1) return { what, wrong: [`${ringed.length} rings`] };
  const { outlineStyle, outlineWidth, outlineColor, outlineOffset } = getComputedStyle(ringed[0]);
  if (!/^-?2px$/.test(outlineOffset)) wrong.push(`a ring ${outlineOffset} away`);
  // The ring ends there; what scrolls or cuts must leave it whole, and the window too.
  const beyond = Number.parseFloat(outlineOffset) + Number.parseFloat(outlineWidth);
  const { left, top, right, bottom } = ringed[0].getBoundingClientRect();
  const cuts = around.slice(around.indexOf(ringed[0]) + 1).filter((element) => getComputedStyle(element).overflowX !== "visible");
  const rooms = cuts.map((element) => {
    const { left, top } = element.getBoundingClientRect();
    const [x, y] = [left + element.clientLeft, top + element.clientTop];
    return [x, y, x + element.clientWidth, y + element.clientHeight, element.className];
  });
  for (const [x, y, endX, endY, name] of [...rooms, [0, 0, innerWidth, innerHeight, "the window"]]) {
    const cut = left - beyond < x - 1 || right + beyond > endX + 1 || top - beyond < y - 1 || bottom + beyond > endY + 1;
    // What is higher than its window is never whole.
    if (cut && bottom - top < endY - y) wrong.push(`${name} cuts the ring off`);
  }
  const first = active.getClientRects()[0];
  const over = document.elementFromPoint(first.left + first.width / 2, first.top + first.height / 2);
  if (!over || !(active.contains(over) || over.contains(active) || ringed[0].contains(over))) {
    wrong.push(`under ${over?.outerHTML.slice(0, 80) ?? "nothing"}`);
  }
  const highlighted = matchMedia("(forced-colors: active)").matches && around.some((element) => element.matches("[aria-current], [aria-selected=true]"));
  return { what, wrong, ring: `${outlineStyle} ${outlineWidth} ${highlighted ? "on a highlight" : outlineColor}` };
}

/** Words and drawings that cannot be told from what they stand on, by WCAG's contrast: with the ratio of each. */
export function unreadable(page, least = 4.5) {
  return page.evaluate((least) => {
    const channels = (colour) => (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const isOpaque = (colour) => !(channels(colour).length === 4 && channels(colour)[3] < 0.5);
    const light = (colour) => {
      const [r, g, b] = channels(colour).map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (isOpaque(backgroundColor)) return backgroundColor;
      }
      return matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(0, 0, 0)" : "rgb(255, 255, 255)";
    };
    const wrong = [];
    const within = document.querySelector("dialog[open]") ?? document.body;
    for (const element of within.querySelectorAll("*")) {
      const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!(speaks || element.matches("svg.i")) || !element.checkVisibility() || element.closest(".sr, option")) continue;
      const [ink, paper] = [getComputedStyle(element).color, ground(element)];
      const [dark, bright] = [light(ink), light(paper)].sort((one, other) => one - other);
      const ratio = (bright + 0.05) / (dark + 0.05);
      const words = element.textContent.trim() || element.parentElement.textContent.trim();
      if (ratio < least) wrong.push(`${element.tagName} "${words.slice(0, 30)}" ${ink} on ${paper}: ${ratio.toFixed(1)}`);
    }
    return wrong;
  }, least);
}

/** How the first of these is drawn: what of it is left where colours are forced. */
export function drawn(locator) {
  return locator.first().evaluate((element) => {
    const style = getComputedStyle(element);
    const border = `${style.borderTopStyle} ${style.borderTopWidth}`;
    return { ground: style.backgroundColor, ink: style.color, border, line: style.textDecorationLine };
  });
}
