/** The site's HTTPS server: the API, and what else is served beside it. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContext } from "node:tls";
import Fastify, { type FastifyInstance } from "fastify";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { CertifiedKey } from "../authority/certificates.ts";
import type { ApiContext } from "./context.ts";
import { metricRoutes } from "./metrics.ts";
import { openApiRoutes } from "./openapi.ts";
import { resources } from "./resources.ts";
import { addRoutes, requireAuthorization } from "./routes.ts";
import { answerFailures } from "./failures.ts";

export interface ApiServer {
  readonly port: number;
  /** Serves new connections with another certificate. */
  setCertificate(certificate: CertifiedKey): void;
  close(): Promise<void>;
}
export interface ListenOptions {
  /** Adds the page that people watch. */
  addPage(app: FastifyInstance, context: ApiContext): void;
  /** Addresses to listen on, at least one; all with the same port. */
  addresses: string[];
  /** 0 = any free one. */
  port: number;
  certificate: CertifiedKey;
  /** Shown to whoever asks for one of the host names in it; null = none, or another. */
  ownCertificate: (host: string) => SecureContext | null;
}

/** Throws E_SOCKET when an address or the port cannot be had. */
export async function startApi(context: ApiContext, options: ListenOptions): Promise<ApiServer> {
  const tls = {
    cert: options.certificate.certificate,
    key: options.certificate.key,
    minVersion: "TLSv1.2",
    // With null the certificate of the site's own authority, which machines trust, is shown.
    SNICallback: (host: string, done: (error: Error | null, context?: SecureContext) => void) =>
      done(null, options.ownCertificate(host) ?? undefined),
  } as const;
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: limits.requestBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    serverFactory: (handler) => createServer(tls, handler),
  });
  requireAuthorization(app);
  answerFailures(app, context.log);
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
  options.addPage(app, context);
  await app.ready();

  const [first = "0.0.0.0", ...others] = options.addresses;
  const servers: Server[] = [app.server as Server];
  const close = async (): Promise<void> => {
    // Fastify closes only what it opened itself.
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await app.close();
  };
  try {
    await listen(app.server as Server, first, options.port);
    const port = (app.server.address() as AddressInfo).port;
    for (const address of others) {
      const server = createServer(tls, (request, response) => app.routing(request, response));
      server.requestTimeout = limits.requestTimeoutMs;
      servers.push(server);
      await listen(server, address, port);
    }
    return {
      port,
      setCertificate: ({ certificate, key }) => {
        for (const server of servers) server.setSecureContext({ ...tls, cert: certificate, key });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, address: string, port: number): Promise<void> {
  server.maxConnections = limits.connectionsMost;
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      reject(
        new VolleyError("E_SOCKET", `The site cannot listen on ${address}, port ${port}: ${error.message}`),
      );
    };
    server.once("error", refuse);
    server.listen({ host: address, port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
