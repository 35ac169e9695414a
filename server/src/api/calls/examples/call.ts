import { setTimeout as sleep } from "node:timers/promises";

const CALL = "http://127.0.0.1:8765/api/v1/orgs/acme/toolkits/ledger/call";

interface Problem {
  code: string;
  detail: string;
}

interface ToolCall {
  status: string;
  executed: boolean;
  message: string;
  next_action?: string;
  result?: unknown;
  error?: unknown;
}

/** Calls a tool, and waits where a person must approve. */
async function call(tool: string, args: object, idempotencyKey: string): Promise<ToolCall> {
  for (;;) {
    const response = await fetch(CALL, {
      method: "POST",
      headers: { Authorization: `Bearer ${process.env.PERMESSO_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify({ tool, arguments: args, wait_seconds: 50, idempotency_key: idempotencyKey }),
    });
    const answer = (await response.json()) as ToolCall & Problem;
    if (!response.ok) throw new Error(`${answer.code}: ${answer.detail}`);
    if (response.status !== 202 || answer.next_action === "stop_and_tell_user") return answer;
    await sleep(1000);
  }
}

const invoice = { customer: "Ada", amount_cents: 1250, currency: "EUR", note: "from TypeScript" };
const answer = await call("send_invoice", invoice, "invoice-2026-0043");
console.log(answer.status, answer.message);
console.log(JSON.stringify(answer.result ?? answer.error));
