/** Serves the page that scripts/build-page.ts built, under a policy that lets nothing in from elsewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { VolleyError } from "../../contract/errors.ts";
import { personOf } from "../api/callers.ts";
import type { ApiContext } from "../api/context.ts";
import { detailedPaths, settingPaths, signInPath, viewPaths } from "./paths.ts";

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

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Names of assets carry a hash of what is in them, so a browser need never ask again. */
const forEver = "public, max-age=31536000, immutable";

interface PageFile {
  type: string;
  bytes: Buffer;
  gzip: Buffer;
}

/** Compiled, this file lies beside what was built. */
const folder = fileURLToPath(new URL("./page/", import.meta.url));

function load(path: string): PageFile {
  const type = types[extname(path)];
  if (type === undefined) throw new Error(`${path} is of no type that the page is made of`);
  const bytes = readFileSync(path);
  return { type, bytes, gzip: gzipSync(bytes) };
}

function send(request: FastifyRequest, reply: FastifyReply, { bytes, gzip, type }: PageFile): FastifyReply {
  reply.type(type).header("content-security-policy", contentPolicy).header("vary", "accept-encoding");
  if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return reply.send(bytes);
  return reply.header("content-encoding", "gzip").send(gzip);
}

const open = { config: { who: "anyone" } } as const;

export function addPage(app: FastifyInstance, context: ApiContext): void {
  const index = join(folder, "index.html");
  // The site serves machines without a page; only who looks for it is told.
  const page = existsSync(index) ? load(index) : undefined;
  const show = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (page === undefined) {
      throw new VolleyError("E_NOT_FOUND", "The page was not built: scripts/build builds it.");
    }
    return send(request, reply, page);
  };
  app.get(signInPath, open, async (request, reply) => show(request, reply));
  const paths = new Set<string>([...viewPaths, ...settingPaths].map((view) => view.path));
  for (const path of [...paths, ...detailedPaths.map((view) => `${view}/*`)]) {
    app.get(path, open, async (request, reply) => {
      const person = await personOf(request, undefined, context);
      // Without a sign-in they lead to it.
      if (person === null || person.mustChangePassword) return reply.redirect(signInPath, 303);
      return show(request, reply);
    });
  }
  const assets = join(folder, "assets");
  for (const name of existsSync(assets) ? readdirSync(assets) : []) {
    const file = load(join(assets, name));
    app.get(`/assets/${name}`, open, async (request, reply) =>
      send(request, reply.header("cache-control", forEver), file),
    );
  }
}
