/** Writes down who did what. Nothing of a request's body is in it but the name of what it is about. */
import type { FastifyRequest } from "fastify";
import type { AuditEntry } from "../../contract/accounts.ts";
import { apiPrefix } from "../../contract/common.ts";
import { limits } from "../../contract/limits.ts";
import { FailedAttempts } from "../failed-attempts.ts";
import type { AuditStore } from "../store/audit.ts";
import type { KnownMachine } from "../store/machines.ts";
import type { Route } from "./route.ts";

const targetCharacters = 200;

interface Actor {
  kind: AuditEntry["kind"];
  name: string;
}

export class AuditLog {
  readonly #store: AuditStore;
  readonly #refusals = new FailedAttempts(limits.auditRefusals);

  constructor(store: AuditStore) {
    this.#store = store;
  }

  async done(actor: Actor, request: FastifyRequest, route: Route, outcome: string): Promise<void> {
    const action = `${route.method} ${apiPrefix}${route.path}`;
    await this.#add(actor, request, { action, target: targetOf(request), outcome });
  }

  /** Who asks again and again for what is refused is written down only so often. */
  async refused(actor: Actor, request: FastifyRequest, route: Route, code: string): Promise<void> {
    const key = `${actor.kind} ${actor.name}`;
    if (this.#refusals.leftMs(key) > 0) return;
    this.#refusals.failed(key);
    await this.done(actor, request, route, code);
  }

  /** `action` is "sign in" or "sign out". */
  async signing(name: string, request: FastifyRequest, action: string, outcome: string): Promise<void> {
    await this.#add({ kind: "account", name }, request, { action, target: "", outcome });
  }

  /** Somebody enrolled as a machine that is known, whose key that ended. */
  async rekeyed(known: KnownMachine, name: string, request: FastifyRequest): Promise<void> {
    const target = `${known.id} ${known.name}`;
    await this.#add({ kind: "machine", name }, request, { action: "enrol again", target, outcome: "done" });
  }

  async #add(
    { kind, name }: Actor,
    request: FastifyRequest,
    what: { action: string; target: string; outcome: string },
  ): Promise<void> {
    await this.#store.add({ kind, who: name, address: request.ip, ...what });
  }
}

/** The path's own words, the name that a body gives, and the devices that it names. */
function targetOf({ body, params }: FastifyRequest): string {
  const words = Object.values((params ?? {}) as Record<string, string>);
  if (typeof body === "object" && body !== null && !Buffer.isBuffer(body)) {
    for (const key of ["name", "packageId", "state", "role"]) {
      const value = (body as Record<string, unknown>)[key];
      if (typeof value === "string") words.push(value);
    }
    // Of several devices each is named, as far as there is room.
    const { devices } = body as { devices?: unknown };
    if (Array.isArray(devices)) words.push(...devices.filter((one) => typeof one === "string"));
  }
  return words
    .join(" ")
    .replace(/\p{Cc}/gu, " ")
    .slice(0, targetCharacters);
}
