// Changes that are made by way of one version, and what the other makes of them.

import { setTimeout as sleep } from "node:timers/promises";

import { Line, read } from "./agents.mjs";
import { Rest } from "./replica.mjs";

const SOON_MS = 15_000;
const LISTS = [
  "api-keys",
  "roles",
  "members",
  "invitations",
  "connections",
  "connections/refers",
  "connections/refers/tools",
  "connections/moved/tools",
  "toolkits/kept/tools",
  "approvals",
  "audit",
  "audit/export?format=csv",
];

/** Makes changes at both, and looks at both. */
export async function cross_changes({ front, book, people, keys }) {
  const [older, newer] = [front.of("old"), front.of("new")];
  const { admin, owner } = people;
  const check = async (name, look, expected) =>
    book.same("changes at one version, seen at the other", name, await comes_to(look, expected), expected);
  const works =
    (key, at, toolkit = "/acme/kept") =>
    async () => {
      const { status, result } = await new Line(front, book, toolkit, key).call(
        "look",
        { id: `probe-${Math.random()}` },
        { at },
      );
      return result ? 200 : status;
    };
  const reads =
    (path, at, person = admin) =>
    async () =>
      (await at.ask("GET", `/api/v1${path}`, { token: person.token })).status;

  for (const [here, there] of [
    [newer, older],
    [older, newer],
  ]) {
    const name = `made at the ${here.version} one`;
    const made = await owner.acme("POST", "/api-keys", { name, role: "agent" }, here);
    await check(`a key ${name}: works at the ${there.version} one`, works(made.key, there), 200);
    const { key } = await owner.acme("POST", `/api-keys/${made.id}/rotate`, { overlap_seconds: 0 }, there);
    await check(`rotated at the ${there.version} one: works at the ${here.version} one`, works(key, here), 200);
    await check(`rotated at the ${there.version} one: ended at the ${here.version} one`, works(made.key, here), 401);
    await owner.acme("DELETE", `/api-keys/${made.id}`, undefined, there);
    await check(`revoked at the ${there.version} one: refused at the ${here.version} one`, works(key, here), 401);
    const session = await here.ask("POST", "/api/v1/auth/session", {
      body: { email: "second@example.com", password: "second has a long password" },
      headers: { origin: here.url, "sec-fetch-site": "same-origin" },
    });
    const cookies = session.headers?.getSetCookie().map((cookie) => cookie.split(";")[0]) ?? [];
    const cookie = cookies.find((one) => /^(__Host-)?permesso=/.test(one)) ?? "none=";
    const me = async () => (await there.ask("GET", "/api/v1/me", { headers: { cookie } })).status;
    await check(`a console session of the ${here.version} one is one at the ${there.version} one`, me, 200);
    const email = `${here.version}@example.com`;
    const password = "has a long password too";
    await admin.acme("POST", "/members", { email, password, role: "approver" }, here);
    const login = async () => (await there.ask("POST", "/api/v1/auth/login", { body: { email, password } })).status;
    await check(`a person made at the ${here.version} one signs in at the ${there.version} one`, login, 200);
  }

  // What an older version has never seen in the database.
  await admin.acme("POST", "/roles", { name: "brief", rights: ["tools:call"] }, newer);
  const key = await owner.acme("POST", "/api-keys", { name: "of a role that goes", role: "brief" }, newer);
  await owner.acme("DELETE", `/api-keys/${key.id}`, undefined, newer);
  await admin.acme("DELETE", "/roles/brief", undefined, newer);
  const config = { command: "true", args: ["--key", "{TOKEN}"], env: { TOKEN: "x" } };
  await admin.acme("POST", "/connections", { slug: "refers", kind: "stdio", config }, newer);
  await admin.acme("PATCH", "/connections/moved", { trust_definitions: true }, newer);
  await admin.call("POST", "/orgs", { slug: "gone", name: "Gone" }, newer);
  const gone = await admin.call("POST", "/orgs/gone/api-keys", { name: "gone", role: "agent" }, newer);
  await check("a key of an org of the new one: known at the old one", works(gone.key, older, "/gone/none"), 404);
  await admin.call("DELETE", "/orgs/gone?confirm=gone", undefined, newer);
  await check(
    "an org deleted at the new one: its key is refused at the old one",
    works(gone.key, older, "/gone/none"),
    401,
  );
  const ordinary = keys.find(({ name }) => name === "ordinary").key;
  for (const path of ["/me", "/orgs", ...LISTS.map((list) => `/orgs/acme/${list}`)]) {
    await check(`the old one reads ${path}`, reads(path, older), 200);
  }
  await check("the old one goes on", works(ordinary, older), 200);
  const ready = async () => (await older.ask("GET", "/readyz")).status;
  await check("the old one is ready", ready, 200);
  await ways_of_ending({ front, book, people, keys }, older, newer, check);
}

/** Ends of requests that only the new version knows, told by the old one. */
async function ways_of_ending({ front, book, people, keys }, older, newer, check) {
  const { admin, approver } = people;
  const line = new Line(front, book, "/acme/kept", keys.find(({ name }) => name === "definitions").key);
  const asks = async (id, at) => {
    const { result } = await line.call("pay", { id }, { at });
    return read(result, id).pending;
  };
  const decides = async (person, id, at) => {
    const { arguments_sha256, definition_sha256 } = await person.acme("GET", `/approvals/${id}`, undefined, at);
    await person.acme("POST", `/approvals/${id}/approve`, { arguments_sha256, definition_sha256, reason: "ok" }, at);
  };
  const state = (id, at) => async () => (await approver.acme("GET", `/approvals/${id}`, undefined, at)).status;
  const runs = async (id, call, at) =>
    read((await line.call("run_approved", { approval_id: id }, { at })).result, call).end;

  const back = await asks("mixed-back", older);
  await decides(approver, back, older);
  await approver.acme("POST", `/approvals/${back}/revoke`, { reason: "a forgery" }, newer);
  await check("taken back at the new one: withdrawn at the old one", state(back, older), "withdrawn");
  await check(
    "taken back at the new one: does not run at the old one",
    () => runs(back, "mixed-back", older),
    "withdrawn",
  );

  const more = await asks("mixed-more", older);
  await approver.acme("POST", `/approvals/${more}/extend`, { seconds: 3600 }, newer);
  const expires = async (at) => (await approver.acme("GET", `/approvals/${more}`, undefined, at)).expires_at;
  await check("more time of the new one is known to the old one", () => expires(older), await expires(newer));
  await decides(approver, more, older);
  await check(
    "given more time, approved at the old one, runs at the new one",
    () => runs(more, "mixed-more", newer),
    "answered",
  );

  const passing = { email: "passing@example.com", password: "passing has a long password" };
  const member = await admin.acme("POST", "/members", { ...passing, role: "approver" }, newer);
  const person = await Rest.sign_in({ pick: () => newer }, passing.email, passing.password);
  const undone = await asks("mixed-undone", newer);
  await comes_to(
    async () => (await older.ask("GET", "/api/v1/orgs/acme/approvals", { token: person.token })).status,
    200,
  );
  await decides(person, undone, older);
  await admin.acme("DELETE", `/members/${member.id}`, undefined, newer);
  await check("approved by somebody who left: invalidated, at the old one too", state(undone, older), "invalidated");
  await check(
    "approved by somebody who left: does not run at the old one",
    () => runs(undone, "mixed-undone", older),
    "invalidated",
  );
}

/** Looks until it is so, or for long enough; gives what was seen last. */
async function comes_to(look, expected) {
  let seen;
  for (const deadline = Date.now() + SOON_MS; Date.now() < deadline; await sleep(200)) {
    seen = await look();
    if (seen === expected) break;
  }
  return seen;
}
