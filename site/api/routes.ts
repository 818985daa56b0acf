/** How a resource states its routes: who may call, and a handler that answers a value or throws a VolleyError. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type * as z from "zod";
import { apiPrefix, Identifier } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { matchesHash } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";

/**
 * anyone: no authorization. machine: an enrolled machine's key. administrator: the admin token. watcher: the admin
 * token or the page's cookie, for what only reads. reader: a machine's key or the admin token.
 */
export type Who = "anyone" | "machine" | "administrator" | "watcher" | "reader";

export interface Call {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Set for a machine. */
  machineId: string | null;
}
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /api/v1. */
  path: string;
  who: Who;
  /** Where a body may be larger than elsewhere. */
  bodyBytesMost?: number;
  handle: (call: Call) => unknown;
}

export const cookieName = "volley-page";

export function addRoutes(app: FastifyInstance, context: ApiContext, routes: Route[]): void {
  for (const route of routes) {
    const callers = new WeakMap<FastifyRequest, string | null>();
    app.route({
      method: route.method,
      url: apiPrefix + route.path,
      ...(route.bodyBytesMost !== undefined && { bodyLimit: route.bodyBytesMost }),
      // Before the body is read: who may not call is not listened to.
      onRequest: async (request) => {
        callers.set(request, authorize(request, route.who, context));
      },
      handler: async (request, reply) => {
        const machineId = callers.get(request) ?? null;
        const answer = await route.handle({ request, reply, machineId });
        // A stream of events has taken the answer over.
        if (reply.sent) return reply;
        if (answer === undefined) reply.code(204);
        return answer;
      },
    });
  }
}

/** Answers the machine's identifier where a machine calls. Throws E_NOT_ENROLLED, E_FORBIDDEN. */
function authorize(request: FastifyRequest, who: Who, context: ApiContext): string | null {
  if (who === "anyone") return null;
  const token = /^Bearer (.{1,300})$/.exec(request.headers.authorization ?? "")?.[1];
  if (token !== undefined) {
    const machineId = context.machineKeys.identify(token);
    if (machineId !== undefined) {
      if (who !== "machine" && who !== "reader") {
        throw new VolleyError("E_FORBIDDEN", "A machine's key does not open this.");
      }
      context.room.saw(machineId);
      return machineId;
    }
    if (who !== "machine" && matchesHash(token, context.adminTokenHash)) return null;
  }
  if (who === "watcher" && context.cookie.isValid(cookieOf(request), Date.now())) return null;
  if (who === "machine" || who === "reader") {
    throw new VolleyError("E_NOT_ENROLLED", "The request carries no key that this site knows.");
  }
  throw new VolleyError("E_FORBIDDEN", "The request does not carry the administrator's token.");
}

export function cookieOf(request: FastifyRequest): string {
  const pairs = (request.headers.cookie ?? "").split("; ");
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1) ?? "";
}

/** Throws E_REQUEST_INVALID, naming the first field that is wrong. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.length ? issue.path.join(".") : "the body";
  throw new VolleyError("E_REQUEST_INVALID", `${where}: ${issue?.message ?? "not understood"}.`);
}

/** The `:id` of the path. Throws E_NOT_FOUND: what is no identifier names nothing. */
export function identifierOf(request: FastifyRequest, what: string): string {
  const parsed = Identifier.safeParse((request.params as { id?: unknown }).id);
  if (!parsed.success) throw new VolleyError("E_NOT_FOUND", `There is no such ${what}.`);
  return parsed.data.toLowerCase();
}

/** The `:offset` of the path, in bytes. Throws E_REQUEST_INVALID. */
export function offsetOf(request: FastifyRequest): number {
  const { offset } = request.params as { offset?: string };
  const value = /^\d{1,15}$/.test(offset ?? "") ? Number(offset) : Number.NaN;
  if (value <= limits.uploadBytesMost) return value;
  throw new VolleyError("E_REQUEST_INVALID", "The offset is no number of bytes.");
}

export function sendBytes({ reply }: Call, bytes: Buffer): Buffer {
  reply.type("application/octet-stream");
  return bytes;
}

export function machineOf(call: Call): string {
  if (call.machineId === null) {
    throw new VolleyError("E_INTERNAL", "A route for machines was called without one.");
  }
  return call.machineId;
}
