/** Serves the live page: four static files, under a policy that lets nothing in from elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { PageCookie } from "../authority/secrets.ts";
import { cookieOf } from "../api/routes.ts";

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

const files = [
  { path: "/room.js", name: "room.js", type: "text/javascript; charset=utf-8" },
  { path: "/login.js", name: "login.js", type: "text/javascript; charset=utf-8" },
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

export function addPage(app: FastifyInstance, cookie: PageCookie): void {
  const index = load("room.html");
  app.get("/", async (request, reply) => {
    if (!cookie.isValid(cookieOf(request), Date.now())) return reply.redirect("/login", 303);
    return send(reply, "text/html; charset=utf-8", index);
  });
  for (const { path, name, type } of files) {
    const bytes = load(name);
    app.get(path, async (_request, reply) => send(reply, type, bytes));
  }
}
