/** What a resource states of each of its routes, and who can call one. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Me, Role } from "../../contract/accounts.ts";

export interface Person {
  kind: Me["kind"];
  /** Of the account or the token; null for the token in the data folder. */
  id: string | null;
  name: string;
  role: Role;
  mustChangePassword: boolean;
  /** Of the page's cookie, null without one. */
  cookieHash: string | null;
  pageMark: string | null;
}

/**
 * anyone: no authorization. machine: an enrolled machine's key. A role: people and tokens with that role or a higher one.
 * machine-or-…: either. point: a distribution point elsewhere, with its key.
 */
export const whoMayCall = [
  "anyone",
  "machine",
  ...Role.options,
  "machine-or-viewer",
  "machine-or-administrator",
  "point",
] as const;
export type Who = (typeof whoMayCall)[number];

export interface Call {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Set for a machine. */
  machineId: string | null;
  /** Set for people and their tokens. */
  person: Person | null;
  /** Set for a distribution point. */
  pointId: string | null;
}
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /api/v1. */
  path: string;
  who: Who;
  /** Where a body may be larger than elsewhere. */
  bodyBytesMost?: number;
  /** Open also to who has to choose a new password first. */
  beforePasswordChange?: boolean;
  /** Open also to a machine that waits for approval or was refused. */
  beforeApproval?: boolean;
  /** What people do is written into the audit log, but for what only reads; this says otherwise. */
  audited?: boolean;
  /** What changes something is refused while the disk is full, but for what removes; this one is not. */
  whenFull?: boolean;
  handle: (call: Call) => unknown;
}
