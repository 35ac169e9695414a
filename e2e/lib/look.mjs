// Looking at a page as people have it before them: wide and narrow, light and dark. Screenshots go
// to screenshots/, to be looked at; axe looks at each at once, and nothing may run over the edge.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import axe from "axe-core";

const SCREENSHOTS = fileURLToPath(new URL("../screenshots", import.meta.url));
const SIZES = [
  { width: 1280, height: 900 },
  { width: 360, height: 780 },
];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Looks at what somebody's page shows now, in all four ways and in forced colours; what is wrong with it is trouble met. */
export async function look(person, name) {
  const { page } = person;
  await mkdir(SCREENSHOTS, { recursive: true });
  const before = page.viewportSize();
  const found = new Map();
  for (const size of SIZES) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const way = `${size.width}-${colorScheme}`;
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${way}.png`), animations: "disabled" });
      for (const fault of await faults(page)) found.set(fault, [...(found.get(fault) ?? []), way]);
    }
  }
  // Forced colours change what is drawn, not where: one width is enough.
  await page.setViewportSize(SIZES[0]);
  await page.emulateMedia({ colorScheme: null, reducedMotion: "reduce", forcedColors: "active" });
  for (const fault of await faults(page)) found.set(fault, [...(found.get(fault) ?? []), "forced colours"]);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null, forcedColors: null });
  await page.setViewportSize(before);
  for (const [fault, ways] of found) person.troubles.push(`look ${name} (${ways.join(", ")}): ${fault}`);
}

/** Takes pictures of what a page shows in forced colours, light and wide, dark and narrow. */
export async function lookForced(person, name) {
  const { page } = person;
  await mkdir(SCREENSHOTS, { recursive: true });
  const before = page.viewportSize();
  for (const [n, colorScheme] of ["light", "dark"].entries()) {
    await page.setViewportSize(SIZES[n]);
    await page.emulateMedia({ forcedColors: "active", colorScheme });
    const file = path.join(SCREENSHOTS, `${name}-forced-${SIZES[n].width}-${colorScheme}.png`);
    await page.screenshot({ path: file, animations: "disabled" });
  }
  await page.emulateMedia({ forcedColors: null, colorScheme: null });
  await page.setViewportSize(before);
}

/** Prints a page: a picture and a PDF of it, and the text that would be on the paper. */
export async function prints(person, name) {
  const { page } = person;
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.emulateMedia({ media: "print" });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-print.png`), fullPage: true, animations: "disabled" });
  const pdf = await page.pdf({ path: path.join(SCREENSHOTS, `${name}-print.pdf`), format: "A4", printBackground: false });
  const text = await page.evaluate(() => document.body.innerText);
  await page.emulateMedia({ media: null });
  return { text, pages: (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length };
}

/** What axe calls serious or critical, and what is wider than the window. */
async function faults(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async (rules) => {
    const { violations } = await window.axe.run(document, {
      runOnly: rules,
      resultTypes: ["violations"],
      preload: false,
    });
    const faults = violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id} at ${node.target.join(" ")}: ${node.failureSummary}`));
    const root = document.scrollingElement;
    if (root.scrollWidth > root.clientWidth) {
      faults.push(`it is ${root.scrollWidth} px wide in a window of ${root.clientWidth} px`);
    }
    return faults;
  }, RULES);
}
