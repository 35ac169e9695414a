// The examples of docs/api.md, "Calling tools", run as they stand: by somebody who has copied them, with a key in
// PERMESSO_KEY and this gateway's address in the place of the one that is written there. A person allows what they ask.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { signIn } from "../lib/admin.mjs";
import { BINARY, startGateway, surroundings } from "../lib/gateway.mjs";
import { NODE } from "../lib/newer-node.mjs";

const DOCUMENT = new URL("../../docs/api.md", import.meta.url);
const HEADING = "Calling tools";
const WRITTEN = "http://127.0.0.1:8765";
const PROGRAMS = { sh: ["sh", "-eu"], python: ["python3"], ts: [NODE] };
const LOOK_MS = 150;

const examples = examplesBelow(HEADING, await readFile(DOCUMENT, "utf8"));

describe(`the examples of docs/api.md, "${HEADING}"`, () => {
  let gateway, admin, folder;

  before(async () => {
    gateway = await startGateway();
    admin = await signIn(gateway);
    folder = path.join(gateway.home, "examples");
    await mkdir(folder);
    await symlink(BINARY, path.join(folder, "permesso"));
  });
  after(() => gateway?.stop());

  it("are there in every language", () => {
    assert.deepEqual([...new Set(examples.map(({ language }) => language))].sort(), Object.keys(PROGRAMS).sort());
  });

  for (const { language, line, code } of examples) {
    it(`${language}, line ${line}, and once more`, async () => {
      const file = path.join(folder, `line-${line}.${language}`);
      await writeFile(file, code.replaceAll(WRITTEN, gateway.url));
      for (const time of ["the first time", "the second time"]) {
        const said = await allowingAll(runs(...PROGRAMS[language], file));
        assert.notEqual(said.trim(), "", `it shows nothing ${time}`);
        assert.ok(!said.includes("about:blank"), `it was refused ${time}: ${said}`);
      }
    });
  }

  it("have sent what they say, each invoice once", async () => {
    const { invoices } = await gateway.ledger();
    const sent = invoices.map(({ number: _, sent_at: __, ...invoice }) => JSON.stringify(invoice));
    assert.notEqual(sent.length, 0);
    assert.deepEqual(sent, [...new Set(sent)]);
  });

  /** Runs a program as somebody who has nothing but the key, and answers what it prints. */
  function runs(program, ...args) {
    const own = { HOME: folder, PATH: `${folder}:${process.env.PATH}` };
    const here = { PERMESSO_URL: gateway.url, PERMESSO_KEY: gateway.agentKey };
    const options = { cwd: folder, env: { ...surroundings(), ...own, ...here }, timeout: 60_000 };
    return new Promise((resolve, reject) => {
      execFile(program, args, options, (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
        else resolve(stdout);
      });
    });
  }

  /** Gives what comes of this; until then, and once afterwards, a person allows whatever is asked. */
  async function allowingAll(work) {
    let isDone = false;
    const ended = work.finally(() => (isDone = true));
    // It is told below, once.
    ended.catch(() => {});
    do {
      await Promise.race([ended, sleep(LOOK_MS)]);
      for (const { id } of await admin.allApprovals("status=pending")) await admin.approve(id);
    } while (!isDone);
    return ended;
  }
});

/** The blocks of code below a heading, each with its language and the line at which it begins. */
function examplesBelow(heading, text) {
  const lines = text.split("\n");
  const first = lines.indexOf(`## ${heading}`);
  assert.notEqual(first, -1, `there is no heading "${heading}"`);
  const found = [];
  let block;
  for (const [at, line] of lines.entries()) {
    if (at <= first) continue;
    if (block === undefined && line.startsWith("## ")) break;
    const fence = /^```(\w*)$/.exec(line);
    if (fence && block === undefined) block = { language: fence[1], line: at + 2, code: "" };
    else if (fence) {
      if (block.language in PROGRAMS) found.push(block);
      block = undefined;
    } else if (block !== undefined) block.code += `${line}\n`;
  }
  return found;
}
