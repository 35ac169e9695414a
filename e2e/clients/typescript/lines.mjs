// A client driven by lines of JSON: see ../driver.mjs for what they say.

import { createInterface } from "node:readline";

/**
 * Answers each command of standard input on standard output when it is done, in any order. `verbs`
 * are `list`, `call` and `task`; each gets the connection and the command.
 *
 * `connect` gets a command and gives a connection. There is one for each endpoint and name.
 */
export function obey(connect, verbs) {
  const open = new Map();
  const connected = (command) => {
    const name = JSON.stringify([command.url, command.as, command.tasks, command.answers]);
    if (!open.has(name)) open.set(name, connect(command));
    return open.get(name);
  };
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const command = JSON.parse(line);
    let outcome;
    try {
      outcome = { value: await verbs[command.do](await connected(command), command) };
    } catch (error) {
      outcome = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify({ id: command.id, ...outcome })}\n`);
  });
  process.stdin.on("end", () => process.exit());
}

/** The options of a request, and the progress that was told meanwhile. */
export function optionsOf({ timeout, progress }) {
  const heard = [];
  const onprogress = ({ progress, message }) => heard.push({ progress, message });
  const options = { timeout: timeout * 1000 };
  if (progress) Object.assign(options, { onprogress, resetTimeoutOnProgress: true });
  return { options, heard };
}
