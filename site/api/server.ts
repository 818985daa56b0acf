/** The site's HTTPS server: the API, and the page. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { CertifiedKey } from "../authority/certificates.ts";
import { addPage } from "../dashboard/page.ts";
import { authorityRoutes } from "./authority.ts";
import type { ApiContext } from "./context.ts";
import { bootImageRoutes } from "./boot-image.ts";
import { captureRoutes } from "./captures.ts";
import { credentialRoutes } from "./credentials.ts";
import { deploymentRoutes } from "./deployments.ts";
import { enrolRoutes } from "./enrol.ts";
import { eventRoutes } from "./events.ts";
import { examinationRoutes } from "./examinations.ts";
import { answerFailures } from "./failures.ts";
import { imageRoutes } from "./images.ts";
import { loginRoutes } from "./login.ts";
import { machineRoutes } from "./machines.ts";
import { packageRoutes } from "./packages.ts";
import { policyRoutes } from "./policy.ts";
import { pxeRoutes } from "./pxe.ts";
import { reportRoutes } from "./reports.ts";
import { addRoutes } from "./routes.ts";
import { sequenceRunRoutes } from "./sequence-runs.ts";
import { sequenceRoutes } from "./sequences.ts";
import { sessionRoutes } from "./sessions.ts";
import { stateStoreRoutes } from "./state-stores.ts";
import { taskRoutes } from "./tasks.ts";
import { uploadRoutes } from "./uploads.ts";

const resources = [
  authorityRoutes,
  bootImageRoutes,
  credentialRoutes,
  deploymentRoutes,
  enrolRoutes,
  eventRoutes,
  examinationRoutes,
  imageRoutes,
  loginRoutes,
  machineRoutes,
  packageRoutes,
  policyRoutes,
  pxeRoutes,
  reportRoutes,
  sequenceRoutes,
  sequenceRunRoutes,
  captureRoutes,
  sessionRoutes,
  stateStoreRoutes,
  taskRoutes,
  uploadRoutes,
];

export interface ApiServer {
  readonly port: number;
  /** Serves new connections with another certificate. */
  setCertificate(certificate: CertifiedKey): void;
  close(): Promise<void>;
}
export interface ListenOptions {
  /** Addresses to listen on, at least one; all with the same port. */
  addresses: string[];
  /** 0 = any free one. */
  port: number;
  certificate: CertifiedKey;
}

/** Throws E_SOCKET when an address or the port cannot be had. */
export async function startApi(context: ApiContext, options: ListenOptions): Promise<ApiServer> {
  const tls = {
    cert: options.certificate.certificate,
    key: options.certificate.key,
    minVersion: "TLSv1.2",
  } as const;
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: limits.requestBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    serverFactory: (handler) => createServer(tls, handler),
  });
  answerFailures(app, context.log);
  app.addHook("onSend", async (_request, reply) => {
    reply.headers({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
  });
  // Pieces of files.
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  for (const resource of resources) addRoutes(app, context, resource(context));
  addPage(app, context.cookie);
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
