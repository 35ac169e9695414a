// What has to be the same with a gateway in between, and what docs/approvals.md says it changes.

import { isDeepStrictEqual } from "node:util";

import { ToolSchema } from "@modelcontextprotocol/sdk/types.js";

/** The gateway's own tools, which stand beside a server's. */
const OWN = ["approval_status", "run_approved"];
/** Where a `null` is a value and no member that is not there. */
const VALUES = ["default", "const", "enum", "examples"];
const LONGEST_NAME = 128;

/**
 * Compares the lists of tools. `{same, left_out, wrong}`: how many are the same, the names of those that no client could use
 * and that are not listed therefore, and a sentence for each other difference.
 */
export function compareTools(direct, { tools, strict, first }, mask = []) {
  const read = (tool) => withoutNulls(JSON.parse(hidden(JSON.stringify(tool), mask)));
  const through = new Map(tools.filter(({ name }) => !OWN.includes(name)).map((tool) => [tool.name, tool]));
  const wrong = [];
  const left_out = [];
  let same = 0;
  for (const tool of direct) {
    const found = through.get(tool.name);
    through.delete(tool.name);
    if (!found && !isReadable(tool)) left_out.push(tool.name);
    else if (!found) wrong.push(`${tool.name} is missing`);
    else if (!isReadable(found)) wrong.push(`${tool.name} is listed, which clients cannot read`);
    else if (!isDeepStrictEqual(read(offered(tool)), read(found))) wrong.push(`${tool.name}: ${difference(read(tool), read(found))}`);
    else same++;
  }
  for (const name of through.keys()) wrong.push(`${name} is the gateway's invention`);
  const missed = tools.filter(({ name }) => !strict.includes(name)).length;
  if (missed > 0) wrong.push(`${missed} tools are not seen by a strict client`);
  // Without a tool that can be held the gateway has none of its own there.
  const expected = tools.length > 0 ? [...OWN, ...tools.map(({ name }) => name)] : [];
  const late = expected.filter((name) => !first.includes(name));
  if (late.length > 0) wrong.push(`${late.length} tools are not on the first page, ${late[0]} for one`);
  else if (tools.length > 0 && !OWN.includes(first[0])) wrong.push(`${first[0]} stands before the gateway's own tools`);
  return { same, left_out, wrong };
}

/** Compares the answers to one call; nothing, or in what they differ. */
export function compareAnswers(direct, through, mask = []) {
  const [one, other] = [direct, through].map((answer) => masked(answer, mask));
  return one === other ? undefined : `${other.slice(0, 300)} instead of ${one.slice(0, 300)}`;
}

/** Whether clients that read definitions as the specification writes them can read this one. */
function isReadable(tool) {
  const { name } = tool;
  const named = typeof name === "string" && name.length <= LONGEST_NAME && !/\s/.test(name);
  return named && ToolSchema.safeParse(withoutNulls(tool)).success;
}

/** What of a definition can be listed: where only its output schema cannot be read, the rest. */
function offered({ outputSchema, ...tool }) {
  const whole = { ...tool, outputSchema };
  return outputSchema && isReadable(whole) ? whole : tool;
}

function withoutNulls(value, kept = false) {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, kept));
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).filter(([, member]) => kept || member !== null);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member, kept || VALUES.includes(key))]));
}

function difference(one, other) {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const differ = keys.filter((key) => !isDeepStrictEqual(one[key], other[key]));
  return `its ${differ.join(", ")} differ${differ.length === 1 ? "s" : ""}`;
}

function masked(answer, mask) {
  const { error } = answer;
  // The client's own words stand before the server's message of an error.
  const said = error ? { ...error, message: error.message.replace(/^MCP error -?\d+: /, "") } : answer;
  return hidden(JSON.stringify(said), mask);
}

function hidden(text, mask) {
  return mask.reduce((text, pattern) => text.replaceAll(new RegExp(pattern, "g"), "…"), text);
}
