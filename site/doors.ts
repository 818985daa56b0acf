/**
 * Where a process of the site answers, whoever answers there: the site itself, or, while another process serves, what
 * passes requests on to it. Connections stay when that changes.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContext } from "node:tls";
import type { ErrorAnswer } from "../contract/common.ts";
import { VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { CertifiedKey } from "./authority/certificates.ts";
import { clientHeader } from "./passed-on.ts";

export interface DoorsOptions {
  /** 0 = any free one. */
  port: number;
  certificate: CertifiedKey;
  /** Shown to whoever asks for one of the host names in it; null = none, or another. */
  ownCertificate: (host: string) => SecureContext | null;
}

/** Seconds after which who was sent away may ask again. */
const retrySeconds = 1;

export class Doors {
  readonly #options: DoorsOptions;
  readonly #servers = new Map<string, Server>();
  #certificate: CertifiedKey;
  #port: number;
  #handler: RequestListener = (_request, response) => refuse(response, beginning);

  constructor(options: DoorsOptions) {
    this.#options = options;
    this.#certificate = options.certificate;
    this.#port = options.port;
  }

  /** Settled once it listens somewhere. */
  get port(): number {
    return this.#port;
  }

  /** Listens there too, where it does not yet; all with the same port. Throws E_SOCKET when one cannot be had. */
  async listen(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      if (this.#servers.has(address)) continue;
      const server = createServer(this.#tls, (request, response) => this.#take(request, response));
      await listenAt(server, address, this.#port);
      this.#servers.set(address, server);
      this.#port = (server.address() as AddressInfo).port;
    }
  }

  /** From now on requests are that one's. */
  serve(handler: RequestListener): void {
    this.#handler = handler;
  }

  /** Serves new connections with another certificate. */
  setCertificate(certificate: CertifiedKey): void {
    this.#certificate = certificate;
    for (const server of this.#servers.values()) server.setSecureContext(this.#tls);
  }

  close(): void {
    for (const server of this.#servers.values()) {
      server.close();
      server.closeAllConnections();
    }
    this.#servers.clear();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (request.headers[clientHeader] === undefined) return this.#handler(request, response);
    refuse(response, new VolleyError("E_FORBIDDEN", "Only a process of the site says for whom it asks."));
  }

  get #tls(): ServerOptions {
    const { ownCertificate } = this.#options;
    return {
      cert: this.#certificate.certificate,
      key: this.#certificate.key,
      minVersion: "TLSv1.2",
      // With null the certificate of the site's own authority, which machines trust, is shown.
      SNICallback: (host, done) => done(null, ownCertificate(host) ?? undefined),
    };
  }
}

const beginning = new VolleyError("E_SITE_CHANGING", "This process is about to serve the site.");

/** Answers with the error, and when to ask again where that is of use. */
export function refuse(response: ServerResponse, { code, detail, entry }: VolleyError): void {
  const body: ErrorAnswer = { code, detail, remedy: entry.remedy };
  response.writeHead(entry.httpStatus, {
    "content-type": "application/json",
    "cache-control": "no-store",
    ...(entry.httpStatus === 503 && { "retry-after": String(retrySeconds) }),
  });
  response.end(JSON.stringify(body));
}

/** Throws E_SOCKET. */
export function listenAt(server: Server, address: string, port: number): Promise<void> {
  server.maxConnections = limits.connectionsMost;
  // For the head; the whole has then Node's minute, since of the two limits the smaller is the head's.
  server.requestTimeout = limits.requestTimeoutMs;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(
        new VolleyError("E_SOCKET", `The site cannot listen on ${address}, port ${port}: ${error.message}`),
      );
    };
    server.once("error", fail);
    server.listen({ host: address, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}
