// Lends the conformance suite a key: it has no way to take one.
//
// Passes everything on as it came, `Host` and `Origin` too; only where they name the shim itself, they
// name the gateway beyond it.

import { once } from "node:events";
import { createServer, request as ask } from "node:http";

/** Starts it on a free port of the loopback, before `url`. */
export async function startShim(url, key) {
  const target = new URL(url);
  const server = createServer((incoming, response) => {
    const itself = `127.0.0.1:${server.address().port}`;
    const named = (value) =>
      value.replace(/(127\.0\.0\.1|localhost):(\d+)$/, (all, name, port) =>
        itself.endsWith(`:${port}`) ? `${name}:${target.port}` : all,
      );
    const headers = incoming.rawHeaders.map((value, i, all) =>
      i % 2 === 1 && /^(host|origin)$/i.test(all[i - 1]) ? named(value) : value,
    );
    headers.push("authorization", `Bearer ${key}`);
    const outgoing = ask({
      host: target.hostname,
      port: target.port,
      path: target.pathname,
      method: incoming.method,
      headers,
      setHost: false,
    });
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    // The suite hangs up on streams: so does the shim.
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
