// The clients of the table: how each is started, and what it cannot do whatever the server does.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Driver } from "./driver.mjs";
import { Inspector } from "./inspector.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const LEGACY = "2025-11-25";
export const MODERN = "2026-07-28";

const NO_TASKS = "the tasks extension is for 2026-07-28";
const NO_TASKS_YET = "it is older than the tasks extension";
const questions = (why) => ({ asked: why, "asked in time": why, "asked late": why });
const NO_QUESTIONS = questions("a call that asks back is for 2026-07-28");
const NO_QUESTIONS_YET = questions("it is older than calls that ask back");
const NO_ANSWERS = questions("its command line answers no questions");
const NO_RESET = "progress does not begin its timeout anew";
const NO_CHECK = "it does not hold results against outputSchema";
const NO_PROGRESS = "its command line asks for no progress";
const NO_TIMEOUT = "its command line waits for 60 s, whatever it is told";
const ALWAYS_TASKS = "it declares tasks with every call, so it is never told that a call is pending";

/**
 * One row for each client and era. `cannot` gives reasons by the case's id; `alwaysTasks` says that each
 * call of it that is held becomes a task.
 */
export const CLIENTS = [
  typescript("@modelcontextprotocol/sdk 1.32", LEGACY, "sdk-1.mjs", { task: NO_TASKS_YET, ...NO_QUESTIONS_YET }),
  typescript("@modelcontextprotocol/client 2.4", LEGACY, "client-2.mjs", { task: NO_TASKS, ...NO_QUESTIONS }),
  typescript("@modelcontextprotocol/client 2.4", MODERN, "client-2.mjs", {}),
  python("mcp 1.30 (Python)", LEGACY, ".venv", "mcp_1.py", {
    task: NO_TASKS_YET,
    ...NO_QUESTIONS_YET,
    progress: NO_RESET,
  }),
  python("mcp 2.3 (Python)", LEGACY, ".venv2", "mcp_2.py", { task: NO_TASKS, ...NO_QUESTIONS, progress: NO_RESET }),
  python("mcp 2.3 (Python)", MODERN, ".venv2", "mcp_2.py", { progress: NO_RESET }),
  rust(LEGACY, { task: NO_TASKS, ...NO_QUESTIONS, strict: NO_CHECK }),
  rust(MODERN, { strict: NO_CHECK }),
  inspector(LEGACY, { task: NO_TASKS, ...NO_QUESTIONS, "5 s": NO_TIMEOUT, progress: NO_PROGRESS }),
  inspector(
    MODERN,
    { late: ALWAYS_TASKS, ...NO_ANSWERS, "5 s": NO_TIMEOUT, progress: NO_PROGRESS, "60 s": ALWAYS_TASKS },
    { alwaysTasks: true },
  ),
];

function typescript(name, era, file, cannot) {
  return driven(name, era, [process.execPath, here(`typescript/${file}`)], cannot);
}

function python(name, era, environment, file, cannot) {
  return driven(name, era, [here(`../${environment}/bin/python`), here(`python/${file}`)], cannot);
}

function rust(era, cannot) {
  const program = process.env.PERMESSO_RMCP_CLIENT ?? here("../../target/clients/debug/mcp-client");
  return driven("rmcp 3.9 (Rust)", era, [program], cannot);
}

function driven(name, era, command, cannot) {
  const start = (keys) => new Driver(command, { key: keys.plain, era });
  return {
    name,
    era,
    cannot,
    start,
    missing: () => command.filter((part) => part.startsWith("/") && !existsSync(part)),
  };
}

function inspector(era, cannot, more) {
  const start = (keys) => new Inspector({ keys, era });
  return { name: "inspector 2.12 --cli", era, cannot, start, missing: () => [], ...more };
}
