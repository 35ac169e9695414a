// The administrator as a program sees them: signed in over REST, deciding with the hashes they saw.

import assert from "node:assert/strict";

/** An HTTP answer that was not what the story needed. */
export class Refused extends Error {
  constructor(method, path, status, problem) {
    super(`${method} ${path}: ${status} ${JSON.stringify(problem)}`);
    this.status = status;
    this.problem = problem;
  }
}

/** Calls the REST API; answers the parsed body, or throws {@link Refused}. */
export async function rest(gateway, token, method, path, body) {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const parsed = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) throw new Refused(method, path, response.status, parsed);
  return parsed;
}

/** Signs in with e-mail and password. */
export async function signIn(gateway) {
  const credentials = { email: gateway.adminEmail, password: gateway.adminPassword };
  const answer = await rest(gateway, undefined, "POST", "/auth/login", credentials);
  assert.equal(answer.token_type, "Bearer");
  return new Admin(gateway, answer.access_token);
}

/** Gives what makes keys that the administrator may decide for: somebody else makes and owns them. */
export async function keyMaker(gateway) {
  const credentials = { email: gateway.dev.owner_email, password: gateway.dev.owner_password };
  const { access_token } = await rest(gateway, undefined, "POST", "/auth/login", credentials);
  return async (name, settings) => {
    const body = { name, role: "agent", ...settings };
    return (await rest(gateway, access_token, "POST", "/orgs/acme/api-keys", body)).key;
  };
}

class Admin {
  constructor(gateway, token) {
    this.gateway = gateway;
    this.token = token;
  }

  /** Any call. */
  call(method, path, body) {
    return rest(this.gateway, this.token, method, path, body);
  }

  /** Any call below the org acme. */
  acme(method, path, body) {
    return this.call(method, `/orgs/acme${path}`, body);
  }

  approval(id) {
    return this.acme("GET", `/approvals/${id}`);
  }

  /** Every approval of acme, newest first. */
  async approvals() {
    return (await this.acme("GET", "/approvals?limit=200")).items;
  }

  /** Every approval of acme, newest first, however many there are; `filter` such as `status=pending`. */
  async allApprovals(filter = "") {
    const found = [];
    for (let cursor; cursor !== null; ) {
      const next = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await this.acme("GET", `/approvals?limit=200&${filter}${next}`);
      found.push(...page.items);
      cursor = page.next_cursor ?? null;
    }
    return found;
  }

  /** Refuses whatever waits, so that a story begins with an empty queue. */
  async rejectAll(reason = "cleared") {
    for (const { id, arguments_sha256, definition_sha256 } of await this.allApprovals("status=pending")) {
      await this.acme("POST", `/approvals/${id}/reject`, { arguments_sha256, definition_sha256, reason });
    }
  }

  /** Looks at the approval, then allows exactly what was seen. */
  async approve(id) {
    const { arguments_sha256, definition_sha256 } = await this.approval(id);
    return this.acme("POST", `/approvals/${id}/approve`, { arguments_sha256, definition_sha256 });
  }

  /** Looks at the approval, then refuses it. */
  async reject(id, reason) {
    const { arguments_sha256, definition_sha256 } = await this.approval(id);
    return this.acme("POST", `/approvals/${id}/reject`, { arguments_sha256, definition_sha256, reason });
  }

  /** The whole audit records that belong to an approval, oldest first. */
  async auditOf(approval) {
    const { items } = await this.acme("GET", `/audit?approval=${approval}&limit=200`);
    const records = await Promise.all(items.map(({ id }) => this.acme("GET", `/audit/${id}`)));
    return records.reverse();
  }

  /** Connects an upstream and offers all of its tools in a new private toolkit. */
  async offer({ connection, kind, config, toolkit, permission }) {
    await this.acme("POST", "/connections", { slug: connection, kind, config });
    await this.acme("POST", `/connections/${connection}/refresh`);
    await this.acme("POST", "/toolkits", { slug: toolkit, name: toolkit, visibility: "private" });
    await this.acme("POST", `/toolkits/${toolkit}/tools`, { connection, tools: "all", permission });
  }

  /** Sets what one tool of a toolkit needs. */
  permit(toolkit, connection, tool, permission) {
    return this.acme("PUT", `/toolkits/${toolkit}/tools/${tool}`, { connection, tool, permission });
  }
}
