// The REST API against what its own document says of it, by schemathesis: every operation with bodies and
// parameters that fit the document, which have to be taken, and with such that do not, which have to be refused.
//
//   node api/main.mjs [arguments of schemathesis]
//
// API_SECONDS in the environment is how long it goes on (60).

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { signIn } from "../lib/admin.mjs";
import { startGateway } from "../lib/gateway.mjs";

const PROGRAM = fileURLToPath(new URL("../.venv-api/bin/schemathesis", import.meta.url));
const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const SECONDS = process.env.API_SECONDS ?? "60";

const gateway = await startGateway();
let code = 1;
try {
  const { token } = await signIn(gateway);
  const document = `${gateway.url}/api/v1/openapi.json`;
  const limits = ["--url", `${gateway.url}/api/v1`, "--max-time", SECONDS];
  code = await run(token, ["--config-file", CONFIG, "run", document, ...limits, ...process.argv.slice(2)]);
} finally {
  await gateway.stop();
}
process.exitCode = code;

function run(token, args) {
  // What it remembers of a run goes where the gateway's data goes.
  const options = {
    cwd: gateway.home,
    env: { ...process.env, PERMESSO_TOKEN: token },
    stdio: ["ignore", "inherit", "inherit"],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, options);
    child.once("error", reject);
    child.once("exit", (exit, signal) => resolve(signal ? 1 : exit));
  });
}
