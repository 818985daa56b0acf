/** The site's API, and what else is served beside it, as what answers requests; where is the doors' business. */
import type { RequestListener } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";
import { limits } from "../../contract/limits.ts";
import { passedOnFor } from "../passed-on.ts";
import type { ApiContext } from "./context.ts";
import { metricRoutes } from "./metrics.ts";
import { openApiRoutes } from "./openapi.ts";
import { resources } from "./resources.ts";
import { addRoutes, requireAuthorization } from "./routes.ts";
import { answerFailures } from "./failures.ts";

export interface Api {
  readonly handler: RequestListener;
  close(): Promise<void>;
}

/** Adds the page that people watch. */
export type PageAdder = (app: FastifyInstance, context: ApiContext) => void;

export async function makeApi(context: ApiContext, addPage: PageAdder): Promise<Api> {
  const app: FastifyInstance = Fastify({ logger: false, bodyLimit: limits.requestBodyBytes });
  requireAuthorization(app);
  answerFailures(app, context.log);
  // Whoever looks at the caller's address means the machine or person, not the process that passed its words on.
  app.addHook("onRequest", async (request) => {
    const client = passedOnFor(request.raw);
    if (client !== undefined) Object.defineProperty(request, "ip", { value: client });
  });
  app.addHook("onSend", async (_request, reply) => {
    reply.headers({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
  });
  // Pieces of files.
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  const routes = resources.flatMap((resource) => resource(context));
  const description = openApiRoutes(routes);
  addRoutes(app, context, [...routes, ...description]);
  // Where programs look for them by themselves.
  addRoutes(app, context, [...metricRoutes(context), ...description], "");
  addPage(app, context);
  await app.ready();
  return { handler: (request, response) => app.routing(request, response), close: () => app.close() };
}
