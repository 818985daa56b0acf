/** Serves the page: static files, under a policy that lets nothing in from elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply } from "fastify";
import { personOf } from "../api/callers.ts";
import type { ApiContext } from "../api/context.ts";

const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/** Without a sign-in they lead to it. */
const pages = [
  { path: "/", name: "room.html" },
  { path: "/manage", name: "manage.html" },
  { path: "/point", name: "point.html" },
  { path: "/access", name: "access.html" },
] as const;

const files = [
  { path: "/room.js", name: "room.js", type: "text/javascript; charset=utf-8" },
  { path: "/login.js", name: "login.js", type: "text/javascript; charset=utf-8" },
  { path: "/manage.js", name: "manage.js", type: "text/javascript; charset=utf-8" },
  { path: "/access.js", name: "access.js", type: "text/javascript; charset=utf-8" },
  { path: "/point.js", name: "point.js", type: "text/javascript; charset=utf-8" },
  { path: "/common.js", name: "common.js", type: "text/javascript; charset=utf-8" },
  { path: "/room.css", name: "room.css", type: "text/css; charset=utf-8" },
  { path: "/login", name: "login.html", type: "text/html; charset=utf-8" },
] as const;

const levelsUp = 5;

/** Beside this file, or, run from a folder of compiled files, where the sources are above it. */
function load(name: string): Buffer {
  let place = "./page/";
  for (let level = 0; level <= levelsUp; level += 1) {
    const path = fileURLToPath(new URL(place + name, import.meta.url));
    if (existsSync(path)) return readFileSync(path);
    place = `${"../".repeat(level + 1)}site/dashboard/page/`;
  }
  throw new Error(`the page's file ${name} is missing`);
}

function send(reply: FastifyReply, type: string, bytes: Buffer): FastifyReply {
  return reply.type(type).header("content-security-policy", contentPolicy).send(bytes);
}

const open = { config: { who: "anyone" } } as const;

export function addPage(app: FastifyInstance, context: ApiContext): void {
  for (const { name, path } of pages) {
    const bytes = load(name);
    app.get(path, open, async (request, reply) => {
      const person = await personOf(request, undefined, context);
      if (person === null || person.mustChangePassword) return reply.redirect("/login", 303);
      return send(reply, "text/html; charset=utf-8", bytes);
    });
  }
  for (const { path, name, type } of files) {
    const bytes = load(name);
    app.get(path, open, async (_request, reply) => send(reply, type, bytes));
  }
}
