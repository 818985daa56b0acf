/** The distribution point's HTTPS server: machines join and tell their progress there, with tickets. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { apiPrefix } from "../../contract/common.ts";
import { JoinRequest, type JoinAnswer } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Ticket } from "../../contract/point.ts";
import { Progress, type ProgressAnswer } from "../../contract/report.ts";
import { answerFailures } from "../api/failures.ts";
import { identifierOf, parse } from "../api/routes.ts";
import type { CertifiedKey } from "../authority/certificates.ts";
import type { Director } from "../casting/director.ts";
import type { Library } from "../content/library.ts";
import type { Log } from "../log.ts";
import type { ImageStore } from "../store/images.ts";
import type { Mirror } from "../store/mirror.ts";
import type { Tickets } from "./tickets.ts";

export interface DoorOptions {
  address: string;
  /** 0 = any free one. */
  port: number;
  certificate: CertifiedKey;
  tickets: Tickets;
  mirror: Mirror;
  images: ImageStore;
  library: Library;
  director: Director;
  /** Told of each progress of a machine. */
  progressed(machineId: string, deploymentId: string, progress: Progress): void;
  log: Log;
}
export interface Door {
  readonly port: number;
  setCertificate(certificate: CertifiedKey): void;
  close(): Promise<void>;
}

/** Throws E_SOCKET. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { address, certificate, log } = options;
  const tls = ({ certificate: cert, key }: CertifiedKey) => ({ cert, key, minVersion: "TLSv1.2" as const });
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: limits.requestBodyBytes,
    serverFactory: (handler) => createServer(tls(certificate), handler),
  });
  answerFailures(app, log);
  addRoutes(app, options);
  await app.ready();
  const server = app.server as Server;
  server.maxConnections = limits.connectionsMost;
  // Fastify sets it on servers of its own making alone.
  server.requestTimeout = limits.requestTimeoutMs;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const where = `${address}, port ${options.port}`;
      reject(
        new VolleyError("E_SOCKET", `The distribution point cannot listen on ${where}: ${error.message}`),
      );
    });
    server.listen({ host: address, port: options.port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (next) => server.setSecureContext(tls(next)),
    async close() {
      server.close();
      server.closeAllConnections();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, options: DoorOptions): void {
  const { director, images, library, mirror, progressed, tickets } = options;
  const shown = new WeakMap<FastifyRequest, Ticket>();
  // Before the body is read.
  app.addHook("onRequest", async (request) => {
    shown.set(request, tickets.read(request.headers.authorization));
  });
  const ticketOf = (request: FastifyRequest): Ticket => {
    const ticket = shown.get(request);
    if (ticket === undefined) throw new VolleyError("E_INTERNAL", "A request came past its ticket.");
    return ticket;
  };
  const ofDeployment = (request: FastifyRequest): Ticket => {
    const ticket = ticketOf(request);
    if (identifierOf(request, "deployment") === ticket.deployment.id) return ticket;
    throw new VolleyError("E_FORBIDDEN", "The ticket is for another deployment.");
  };
  app.get(`${apiPrefix}/images/:id/manifest`, async (request, reply) => {
    const id = await imageOf(ticketOf(request), identifierOf(request, "image"), images);
    reply.type("application/octet-stream");
    return await library.manifest(id);
  });
  app.post(`${apiPrefix}/deployments/:id/join`, async (request): Promise<JoinAnswer> => {
    const ticket = ofDeployment(request);
    const { encryption, imageId, resume } = parse(JoinRequest, request.body);
    const wanted = await imageOf(ticket, imageId, images);
    const deployment = await mirror.take(ticket);
    if (!deployment.open) {
      throw new VolleyError("E_SESSION_GONE", `Deployment ${deployment.name} is closed.`);
    }
    return await director.join(ticket.machineId, deployment, { encryption, imageId: wanted, resume });
  });
  app.post(`${apiPrefix}/deployments/:id/progress`, async (request): Promise<ProgressAnswer> => {
    const { deployment, machineId } = ofDeployment(request);
    const progress = parse(Progress, request.body);
    progressed(machineId, deployment.id, progress);
    // Its reports go to the site: this is how its end is known here.
    if (progress.phase === "done" || progress.phase === "failed") {
      await director.finished(deployment.id, machineId);
      return { next: "go-on", moved: "" };
    }
    return director.progress(machineId, deployment.id, progress);
  });
}

/** Throws E_FORBIDDEN for what the ticket does not name, E_NOT_FOUND for what has not come here yet. */
async function imageOf({ imageIds }: Ticket, imageId: string | null, images: ImageStore): Promise<string> {
  if (imageId === null || !imageIds.includes(imageId)) {
    throw new VolleyError("E_FORBIDDEN", "The ticket does not name that image.");
  }
  if ((await images.find(imageId)) === undefined) {
    throw new VolleyError("E_NOT_FOUND", `Image ${imageId} has not come to this distribution point yet.`);
  }
  return imageId;
}
