// An upstream of MCP 2026-07-28 for upstream.mjs: what it answers besides calls. It speaks no other
// revision, and takes no request that does not say what it is as that revision asks.

const REVISION = "2026-07-28";
const META = "io.modelcontextprotocol/";
const TASKS = `${META}tasks`;
const CAPABILITIES = `${META}clientCapabilities`;

/** What a request's `Mcp-Name` repeats. */
const NAMES = { "tools/call": "name", "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId" };

/**
 * Gives the era. `tasks` are the methods of the tasks extension, if the server has it: functions of the
 * params that give a result, or nothing where there is no such task.
 */
export function modern(tasks = {}) {
  const extensions = Object.keys(tasks).length > 0 ? { extensions: { [TASKS]: {} } } : {};
  return ({ method, params }, tools, headers) => {
    const error = refused(method, params, headers);
    if (error) return { error };
    switch (method) {
      case "server/discover": {
        const capabilities = { tools: {}, ...extensions };
        const serverInfo = { name: "odd-upstream", version: "1.0.0" };
        return result({ supportedVersions: [REVISION], capabilities, serverInfo, ...UNCACHED });
      }
      case "tools/list":
        return { result: `{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[${tools.join(",")}]}` };
      case "tools/call":
        return undefined;
    }
    if (!tasks[method]) return { error: { status: 404, code: -32601, message: `there is no ${method}` } };
    const told = tasks[method](params);
    return told ? result(told) : { error: { code: -32602, message: "Task not found" } };
  };
}

/** What the client of a request says it can do. */
export function capabilitiesOf(params) {
  return params._meta[CAPABILITIES];
}

/** The error for a request that cannot be served without what its client did not say it can do. */
export function missing(requiredCapabilities) {
  return { status: 400, code: -32021, message: "Missing required client capability", data: { requiredCapabilities } };
}

/** Whether the client of a request takes a task for an answer. */
export function takesTasks(params) {
  return capabilitiesOf(params).extensions?.[TASKS] !== undefined;
}

const UNCACHED = { ttlMs: 0, cacheScope: "private" };

function result(members) {
  return { result: JSON.stringify({ resultType: "complete", ...members }) };
}

/** Why a request is none of this revision. */
function refused(method, params, headers) {
  const requested = params?._meta?.[`${META}protocolVersion`];
  if (requested !== REVISION) {
    const data = { supported: [REVISION], requested };
    return { status: 400, code: -32022, message: "Unsupported protocol version", data };
  }
  if (!params._meta[`${META}clientInfo`]?.name || !params._meta[CAPABILITIES]) {
    return { status: 400, code: -32602, message: "the request does not say whose it is" };
  }
  const expected = { "mcp-protocol-version": REVISION, "mcp-method": method, "mcp-name": params[NAMES[method]] };
  const wrong = Object.keys(expected).find((name) => headers[name] !== expected[name]);
  if (wrong) return { status: 400, code: -32020, message: `the header ${wrong} does not match` };
}
