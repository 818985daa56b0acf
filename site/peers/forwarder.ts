/** What a process that does not serve answers: each request is passed on to the one that does, and its answer back. */
import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from "node:http";
import { Agent, request as ask } from "node:https";
import type { Socket } from "node:net";
import { pipeline } from "node:stream";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { CertifiedKey } from "../authority/certificates.ts";
import { refuse } from "../doors.ts";
import { clientHeader } from "../passed-on.ts";
import type { PeerLocation } from "../store/holder-location.ts";

export interface ForwarderOptions {
  /** PEM of the site's authority. */
  authority: string;
  /** By which the other process knows this one. */
  identity: CertifiedKey;
}

interface Owner {
  location: PeerLocation;
  agent: Agent;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  #owner: Owner | null = null;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Who serves; null: nobody is known to. What is on its way to another one breaks off. */
  aim(location: PeerLocation | null): void {
    // One that is silent may be about to speak again: what it was asked is left to it until another serves.
    if (location === null || isSame(location, this.#owner?.location)) return;
    this.#owner?.agent.destroy();
    this.#owner = { location, agent: this.#agentFor(location) };
  }

  close(): void {
    this.#owner?.agent.destroy();
    this.#owner = null;
  }

  /** Bodies go through as they come, in both directions. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const client = request.socket.remoteAddress;
    if (this.#owner === null || client === undefined) return refuse(response, nobodyServes());
    let asked: ClientRequest;
    try {
      asked = this.#askAs(client, request, this.#owner);
    } catch (error) {
      // What the parser took is not always what may be sent again.
      return refuse(response, new VolleyError("E_REQUEST_INVALID", (error as Error).message));
    }
    asked.on("socket", holdToConnect);
    asked.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.headers));
      response.flushHeaders();
      // Either end's failure ends the other: a part of an answer is not to look like a whole one.
      pipeline(answer, response, () => undefined);
    });
    asked.on("error", (error) => {
      request.unpipe(asked);
      if (response.headersSent) response.destroy();
      else {
        request.resume();
        refuse(response, nobodyServes(error));
      }
    });
    response.on("close", () => {
      if (!response.writableFinished) asked.destroy();
    });
    request.pipe(asked);
  };

  #askAs(
    client: string,
    { headers, method, url }: IncomingMessage,
    { agent, location }: Owner,
  ): ClientRequest {
    return ask({
      host: location.address,
      port: location.port,
      agent,
      method,
      path: url,
      headers: { ...endToEnd(headers), ...framing(headers), [clientHeader]: client },
    });
  }

  #agentFor({ fingerprint }: PeerLocation): Agent {
    const { authority, identity } = this.#options;
    return new Agent({
      keepAlive: true,
      timeout: limits.peerIdleMs,
      ca: authority,
      cert: identity.certificate,
      key: identity.key,
      minVersion: "TLSv1.3",
      // With a session that is resumed it would not be asked who the other is.
      maxCachedSessions: 0,
      checkServerIdentity: (_host, { fingerprint256 }) =>
        fingerprint256 === fingerprint ? undefined : new Error("what answers is not the process that serves"),
    });
  }
}

function isSame(one: PeerLocation, other: PeerLocation | undefined): boolean {
  return one.address === other?.address && one.port === other.port && one.fingerprint === other.fingerprint;
}

function nobodyServes(cause?: Error): VolleyError {
  const why = cause === undefined ? "none is known yet" : cause.message;
  return new VolleyError("E_SITE_CHANGING", `The process that serves the site cannot be asked: ${why}.`, {
    cause,
  });
}

/** RFC 9110, 7.6.1: what is said of one connection and not of the message. `Expect` was answered here. */
const ofConnection = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !ofConnection.has(name) && !named.has(name)),
  );
}

/**
 * Every request says how long its body is, whatever its method and whatever `Connection` names: Node would send the body of a
 * GET after a head that says nothing of it, to be read as the next request.
 */
function framing(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const { "content-length": length, "transfer-encoding": encoding } = headers;
  return encoding === undefined ? { "content-length": length ?? "0" } : { "transfer-encoding": "chunked" };
}

/** A host that is gone refuses nothing: it only does not answer. */
function holdToConnect(socket: Socket): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${limits.peerConnectMs} ms`));
  }, limits.peerConnectMs);
  const stop = (): void => clearTimeout(timer);
  socket.once("secureConnect", stop);
  socket.once("close", stop);
}
