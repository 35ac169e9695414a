// The suite's tools that this upstream itself answers with tasks (MCP tasks extension), and those tasks.

import { randomUUID } from "node:crypto";

import { answers, form } from "./questions.mjs";

/** What each asks for once it is a task. */
const TOOLS = {
  confirm_delete: { confirm: form("Delete it?", "confirm", "boolean") },
  multi_input: { first: form("What is your name?", "name"), second: form("Really?", "confirm", "boolean") },
};

/** Their names. */
export const PARKING = Object.keys(TOOLS);

const tasks = new Map();

/** Makes a task of a call: done with `text`, if there is any, else when what the tool asks for has been answered. */
export function park(name, text) {
  const now = new Date().toISOString();
  const task = { taskId: randomUUID(), createdAt: now, lastUpdatedAt: now, ttlMs: 60_000, pollIntervalMs: 200 };
  const asks = { ...TOOLS[name] };
  tasks.set(task.taskId, { task, asks, cancelled: false, text: text ?? `${name} is done` });
  return { resultType: "task", status: "working", ...task };
}

/** The methods of the extension. */
export const METHODS = {
  "tasks/get": ({ taskId }) => {
    const found = tasks.get(taskId);
    if (!found) return undefined;
    const { task, asks, cancelled, text } = found;
    if (cancelled) return { ...task, status: "cancelled" };
    if (Object.keys(asks).length > 0) return { ...task, status: "input_required", inputRequests: asks };
    return { ...task, status: "completed", result: { resultType: "complete", content: [{ type: "text", text }] } };
  },
  "tasks/update": ({ taskId, inputResponses }) => {
    const found = tasks.get(taskId);
    for (const [key, request] of Object.entries(found?.asks ?? {})) {
      if (answers(request, inputResponses[key])) delete found.asks[key];
    }
    return found && {};
  },
  "tasks/cancel": ({ taskId }) => {
    const found = tasks.get(taskId);
    if (found) found.cancelled = true;
    return found && {};
  },
};
