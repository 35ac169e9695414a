// A server over the life of gateways: started anew with each of them, and once for each replica. What an agent was listed
// stays, what is allowed is never held for a definition that only looks different, and what was asked for before a restart
// runs after it.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

import { signIn } from "../lib/admin.mjs";
import { call, held, textOf } from "../lib/agent.mjs";
import { BINARY } from "../lib/gateway.mjs";
import { Replica } from "../upgrade/replica.mjs";
import { agentOf } from "./keeper.mjs";

const NOTED = { phase: "zoo", heard() {} };

/**
 * Restarts the gateway twice, has a second one beside it in between, and throws at the first thing that is not as it was.
 * `calls` are made in the toolkits that `through` has made; where they need approval, the last of them.
 */
export async function lasts(gateway, slug, calls) {
  let admin = await signIn(gateway);
  await admin.acme("PATCH", `/connections/${slug}`, { enabled: true });
  const [tool, args] = calls.at(-1);
  const other = `${slug}-held`;
  const before = await seen(gateway, slug, calls);
  const asked = await agentOf(gateway, other, async (agent) => held(await call(agent, tool, args)).approval_id);

  await restart(gateway);
  same(await seen(gateway, slug, calls), before, "after a restart");
  admin = await signIn(gateway);
  await admin.approve(asked);
  const answer = await agentOf(gateway, other, (agent) => call(agent, tool, args));
  assert.ok(!answer.isError, `what was asked for before a restart: ${textOf(answer)}`);

  const replica = await startReplica(gateway);
  try {
    const at = { ...gateway, toolkit: (name) => `${replica.url}/acme/${name}/mcp` };
    same(await seen(at, slug, calls), before, "at a second replica");
    same(await seen(gateway, slug, calls), before, "beside a second replica");
  } finally {
    await replica.stop();
  }

  await restart(gateway);
  same(await seen(gateway, slug, calls), before, "after another restart");
}

/** What an agent sees there: the names of the tools, and the answers to the calls. */
function seen(gateway, slug, calls) {
  return agentOf(gateway, slug, async (agent) => {
    const { tools } = await agent.listTools();
    const answers = [];
    for (const [name, args] of calls) answers.push(await call(agent, name, args));
    return { names: tools.map(({ name }) => name), answers };
  });
}

function same(now, before, when) {
  if (isDeepStrictEqual(now, before)) return;
  const differs = now.answers.find((answer, i) => !isDeepStrictEqual(answer, before.answers[i]));
  throw new Error(`${when}: ${differs ? textOf(differs).slice(0, 300) : `the tools are ${now.names}`}`);
}

async function restart(gateway) {
  await gateway.halt();
  await gateway.resume();
}

async function startReplica(gateway) {
  const settings = {
    DATABASE_URL: await gateway.databaseUrl(),
    PERMESSO_ALLOW_DEV_MASTER_KEY: "1",
    PERMESSO_EGRESS_ALLOW: "127.0.0.0/8",
  };
  const named = { binary: BINARY, version: "new", name: "second", settings, home: gateway.home };
  return Replica.start(NOTED, named);
}
