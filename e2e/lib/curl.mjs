// curl, as a script has it: a child process for each request, and nothing of what the machine's own settings say.

import { execFile } from "node:child_process";

const PATIENCE_MS = 60_000;
const ALWAYS = ["--disable", "--noproxy", "*", "--silent", "--show-error", "--include"];

/**
 * Asks with curl, and gives its exit code, and where something was answered the status, the headers and the body, which is
 * JSON. `signal` is somebody who presses Ctrl-C.
 */
export function curl(url, { bearer, body, options = [], signal } = {}) {
  const args = [...ALWAYS, ...options];
  if (bearer) args.push("--header", `Authorization: Bearer ${bearer}`);
  if (body !== undefined) args.push("--header", "Content-Type: application/json", "--data-raw", JSON.stringify(body));
  const settings = { timeout: PATIENCE_MS, killSignal: "SIGINT", signal };
  return new Promise((resolve, reject) => {
    execFile("curl", [...args, url], settings, (error, stdout, stderr) => {
      if (error && !signal?.aborted && typeof error.code !== "number") reject(error);
      else resolve({ code: error?.code ?? 0, stderr, ...answered(stdout) });
    });
  });
}

function answered(text) {
  if (text === "") return {};
  const [head, ...rest] = text.split("\r\n\r\n");
  const [line, ...fields] = head.split("\r\n");
  const body = rest.join("\r\n\r\n");
  return {
    status: Number(line.split(" ")[1]),
    headers: new Headers(fields.map((field) => [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1)])),
    body: body === "" ? undefined : JSON.parse(body),
  };
}
