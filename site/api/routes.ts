/** How a resource states its routes: who may call, and a handler that answers a value or throws a VolleyError. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type * as z from "zod";
import { apiPrefix, Identifier } from "../../contract/common.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { callerOf, nobody, type Caller } from "./callers.ts";
import { whoMayCall, type Call, type Person, type Route } from "./route.ts";
import type { ApiContext } from "./context.ts";

/** Refuses to add a route that does not say who may call it. */
export function requireAuthorization(app: FastifyInstance): void {
  app.addHook("onRoute", ({ config, method, url }) => {
    const who: unknown = config && "who" in config ? config.who : undefined;
    if (whoMayCall.some((one) => one === who)) return;
    throw new VolleyError("E_INTERNAL", `The route ${String(method)} ${url} does not say who may call it.`);
  });
}

/** `prefix` stands before their paths. */
export function addRoutes(
  app: FastifyInstance,
  context: ApiContext,
  routes: Route[],
  prefix: string = apiPrefix,
): void {
  for (const route of routes) {
    const callers = new WeakMap<FastifyRequest, Caller>();
    app.route({
      method: route.method,
      url: prefix + route.path,
      config: { who: route.who },
      ...(route.bodyBytesMost !== undefined && { bodyLimit: route.bodyBytesMost }),
      // Before the body is read: who may not call is not listened to.
      onRequest: async (request) => {
        callers.set(request, await callerOf(request, route, context));
      },
      handler: async (request, reply) => {
        const caller = callers.get(request) ?? nobody;
        if (takesRoom(route)) context.disk.check();
        const answer = await audited(route, { request, reply, ...caller }, context);
        // A stream of events has taken the answer over.
        if (reply.sent) return reply;
        if (answer === undefined) reply.code(204);
        return answer;
      },
    });
  }
}

const takesRoom = ({ method, whenFull }: Route): boolean =>
  whenFull !== true && (method === "POST" || method === "PUT");

/** What a person does is written down with how it ended, before the person hears of it. */
async function audited(route: Route, call: Call, { audit }: ApiContext): Promise<unknown> {
  const { person, request } = call;
  if (person === null || !(route.audited ?? route.method !== "GET")) return await route.handle(call);
  try {
    const answer = await route.handle(call);
    await audit.done(person, request, route, "done");
    return answer;
  } catch (error) {
    await audit.done(person, request, route, toVolleyError(error).code);
    throw error;
  }
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

export function pointOf(call: Call): string {
  if (call.pointId === null) {
    throw new VolleyError("E_INTERNAL", "A route for distribution points was called without one.");
  }
  return call.pointId;
}

export function personOf(call: Call): Person {
  if (call.person === null) {
    throw new VolleyError("E_INTERNAL", "A route for people was called without one.");
  }
  return call.person;
}
