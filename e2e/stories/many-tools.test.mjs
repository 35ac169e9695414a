// An upstream with more than 200 tools, and a client that reads one page of a list and believes that this is all of it, as
// half of the client libraries do. A published server of that size stands in ../zoo.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { signIn } from "../lib/admin.mjs";
import { call, connect, held, statusOf, textOf } from "../lib/agent.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { sendJson, startUpstream } from "../lib/upstream.mjs";

const TOOLS = 264;
const OWN = ["approval_status", "run_approved"];
const name = (number) => `service_${String(number).padStart(3, "0")}_list`;
const definition = (number) =>
  JSON.stringify({
    name: name(number),
    description: `Lists what service ${number} has, in the subscription and the resource group that are named.`,
    inputSchema: {
      type: "object",
      properties: { subscription: { type: "string" }, "resource-group": { type: "string" } },
      required: ["subscription"],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, destructiveHint: false, title: `Service ${number}` },
  });

describe("a client that reads one page of a list", () => {
  let gateway, agent, admin, upstream;

  before(async () => {
    upstream = await startUpstream({
      tools: Array.from({ length: TOOLS }, (_, number) => definition(number)),
      answer: (name, _body, id, response) => sendJson(response, id, `{"content":[{"type":"text","text":"${name}"}]}`),
    });
    gateway = await startGateway();
    admin = await signIn(gateway);
    await admin.offer({
      connection: "cloud",
      kind: "streamable_http",
      config: { url: upstream.url },
      toolkit: "cloud",
      permission: "needs_approval",
    });
    agent = await connect(gateway.toolkit("cloud"), gateway.agentKey);
  });
  after(async () => {
    await agent?.close();
    await gateway?.stop();
    await upstream?.stop();
  });

  it("sees every tool, and first of all those that help it to wait", async () => {
    const { tools, nextCursor } = await agent.listTools();
    assert.equal(nextCursor, undefined, `the first page has only ${tools.length} tools`);
    const names = tools.map(({ name }) => name);
    assert.deepEqual(names.slice(0, OWN.length).sort(), OWN);
    assert.deepEqual(new Set(names.slice(OWN.length)), new Set(Array.from({ length: TOOLS }, (_, number) => name(number))));
    assert.equal(names.length, TOOLS + OWN.length);
  });

  it("uses the last of them by way of what it saw", async () => {
    const last = name(TOOLS - 1);
    const { approval_id } = held(await call(agent, last, { subscription: "zoo" }));
    await admin.approve(approval_id);
    assert.equal((await statusOf(agent, approval_id)).next_action, "run_approved");
    assert.equal(textOf(await call(agent, "run_approved", { approval_id })), last);
  });
});
