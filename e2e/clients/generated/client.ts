// A client whose every word comes from the gateway's OpenAPI document: `permesso.ts` is what openapi-typescript makes of it.
// ../../stories/generated-client.test.mjs makes it, has the compiler check this file against it, and runs the outcome.

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./permesso.js";

type Schemas = components["schemas"];
export type Gateway = Client<paths>;

/** A toolkit of acme. */
const at = (toolkit: string) => ({ path: { org: "acme", toolkit } });

export function connect(url: string, key: string): Gateway {
  return createClient<paths>({ baseUrl: `${url}/api/v1`, headers: { authorization: `Bearer ${key}` } });
}

/** Everything that may be called, page by page. */
export async function tools(gateway: Gateway): Promise<Schemas["CallableTool"][]> {
  const found: Schemas["CallableTool"][] = [];
  let cursor: string | undefined;
  do {
    const params = { path: { org: "acme" }, query: { limit: 1, cursor } };
    const { data, error } = await gateway.GET("/orgs/{org}/tools", { params });
    if (error) throw new Error(error.detail);
    found.push(...data.items);
    cursor = data.next_cursor ?? undefined;
  } while (cursor);
  return found;
}

/** Calls a tool; what the gateway refuses is given as the code that programs branch on. */
export async function call(
  gateway: Gateway,
  toolkit: string,
  body: Schemas["CallTool"],
): Promise<Schemas["ToolCall"] | { code: string; fields: string[] }> {
  const { data, error } = await gateway.POST("/orgs/{org}/toolkits/{toolkit}/call", { params: at(toolkit), body });
  if (error) return { code: error.code, fields: (error.errors ?? []).map(({ field }) => field) };
  return data;
}

/** A call with arguments. */
export function sendInvoice(gateway: Gateway, customer: string, amount_cents: number) {
  return call(gateway, "ledger", { tool: "send_invoice", arguments: { customer, amount_cents, currency: "CHF" } });
}

/** How a call stands, as soon as that changes. */
export async function stands(gateway: Gateway, toolkit: string, id: string): Promise<Schemas["ToolCall"]> {
  const params = { path: { ...at(toolkit).path, id }, query: { wait_seconds: 30 } };
  const { data, error } = await gateway.GET("/orgs/{org}/toolkits/{toolkit}/calls/{id}", { params });
  if (error) throw new Error(error.detail);
  return data;
}

/** Runs what was approved, and gives what the tool says. */
export async function run(gateway: Gateway, toolkit: string, id: string): Promise<unknown> {
  const params = { path: { ...at(toolkit).path, id } };
  const { data, error } = await gateway.POST("/orgs/{org}/toolkits/{toolkit}/calls/{id}", { params });
  if (error) throw new Error(error.detail);
  return data.result?.structuredContent;
}

/** What to do after a call. It compiles only while it has an answer for every state that the document names. */
export function next(status: Schemas["CallStatus"]): "wait" | "run" | "done" | "give up" {
  switch (status) {
    case "pending":
    case "executing":
      return "wait";
    case "approved":
      return "run";
    case "executed":
      return "done";
    case "rejected":
    case "expired":
    case "invalidated":
    case "withdrawn":
    case "not_executed":
    case "outcome_unknown":
      return "give up";
  }
}

/** Never called: the compiler must find what is wrong in each line. */
export async function wrong(gateway: Gateway) {
  // @ts-expect-error there is no such address
  await gateway.GET("/orgs/{org}/spoons", { params: { path: { org: "acme" } } });
  // @ts-expect-error a call names its tool
  await call(gateway, "ledger", { arguments: { customer: "Ada" } });
  // @ts-expect-error seconds are a number
  await call(gateway, "ledger", { tool: "send_invoice", wait_seconds: "soon" });
  // @ts-expect-error nothing else is taken
  await call(gateway, "ledger", { tool: "send_invoice", hurry: true });
}
