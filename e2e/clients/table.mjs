// The table as it is printed.

export const PASSED = "✓";
export const FAILED = "✗";

/** Prints rows of `{label, cells: [{mark, why?, error?}]}`, the reasons below, and what went wrong. */
export function print(cases, rows) {
  const reasons = [];
  const marked = ({ mark, why }) => {
    if (!why) return mark;
    if (!reasons.includes(why)) reasons.push(why);
    return `${mark}${superscript(reasons.indexOf(why) + 1)}`;
  };
  const wide = Math.max(...rows.map(({ label }) => label.length));
  const line = (label, cells) => {
    const padded = cells.map((cell, i) => cell.padEnd(cases[i].id.length));
    console.log(`${label.padEnd(wide)}  ${padded.join("  ")}`.trimEnd());
  };
  console.log();
  line(
    "",
    cases.map(({ id }) => id),
  );
  for (const { label, cells } of rows) line(label, cells.map(marked));
  reasons.forEach((why, i) => console.log(`${superscript(i + 1)} ${why}`));
  for (const { label, cells } of rows) {
    cells.forEach(({ error }, i) => error && console.log(`\n${FAILED} ${label}, ${cases[i].id}: ${error.stack}`));
  }
  console.log();
}

function superscript(number) {
  return [...String(number)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
}
