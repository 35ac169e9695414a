// The person: sees what is asked as soon as it is, and decides when a case says so.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { hashOf } from "../lib/agent.mjs";

const LOOK_MS = 150;
const PATIENCE_MS = 60_000;

export class Approver {
  constructor(admin) {
    this.admin = admin;
    this.looking = undefined;
  }

  /** Waits until somebody asks for exactly these arguments; the request, other than `but`. */
  async asked(args, but) {
    const hash = hashOf(args);
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const found = (await this.#pending()).find((one) => one.arguments_sha256 === hash && one.id !== but);
      if (found) return found.id;
      await sleep(LOOK_MS);
    }
    assert.fail(`nobody asked for ${JSON.stringify(args)} within ${PATIENCE_MS} ms`);
  }

  /** What everybody waits for, asked for once by all who look at the same time. */
  #pending() {
    this.looking ??= this.admin
      .acme("GET", "/approvals?status=pending&limit=200")
      .then(({ items }) => items)
      .finally(() => (this.looking = undefined));
    return this.looking;
  }

  approve(id) {
    return this.admin.approve(id);
  }

  reject(id, reason) {
    return this.admin.reject(id, reason);
  }
}
