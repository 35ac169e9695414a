// What needs a newer Node.js than this may be running on, and that Node.js: see ../newer-node.

import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = fileURLToPath(new URL("../newer-node/node_modules", import.meta.url));

/** The Node.js that was installed for this machine; elsewhere this one, which has to be new enough. */
export const NODE =
  ["x64", "arm64"].map((cpu) => path.join(MODULES, `node-linux-${cpu}/bin/node`)).find((file) => existsSync(file)) ??
  process.execPath;

/** The inspector. */
export const INSPECTOR = path.join(MODULES, "@modelcontextprotocol/inspector/clients/launcher/build/index.js");

/** The conformance suite. */
export const CONFORMANCE = path.join(MODULES, "@modelcontextprotocol/conformance/dist/index.js");
