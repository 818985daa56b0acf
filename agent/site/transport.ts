/** HTTPS to one site, trusting one authority and nobody else. */
import { Agent, request } from "node:https";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { holdToPhases, type PhaseLimits } from "./phase-limits.ts";

export interface SiteAddress {
  host: string;
  port: number;
}

export interface Call {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Or sent as they are. */
  bytes?: Buffer;
  /** "Bearer …" */
  authorization?: string;
  answerBytesMost?: number;
  /** Beside the time of silence that holds for every call. */
  phases?: PhaseLimits;
}
export interface Answer {
  status: number;
  body: Buffer;
}

export interface Transport {
  readonly address: SiteAddress;
  /** Any HTTP answer; throws E_SITE_UNREACHABLE, E_SITE_UNTRUSTED, E_CLOCK and, after `close`, E_CANCELLED. */
  call(call: Call): Promise<Answer>;
  close(): void;
}

/** "https://host:port" with nothing behind it. Throws E_USAGE. */
export function parseSiteAddress(text: string): SiteAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new VolleyError("E_USAGE", `--site is to be https://HOST:PORT, not ${text}`);
  }
  if (url.protocol !== "https:" || url.username !== "" || (url.pathname !== "/" && url.pathname !== "")) {
    throw new VolleyError("E_USAGE", `--site is to be https://HOST:PORT and nothing else, not ${url.origin}`);
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 443 : Number(url.port) };
}

/**
 * `authority`: the PEM of the only certificate that may stand behind the site's; null accepts any, and is only for
 * fetching the authority itself, which is then compared with a fingerprint.
 */
export function openTransport(address: SiteAddress, authority: string | null): Transport {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 4,
    minVersion: "TLSv1.2",
    ...(authority === null ? { rejectUnauthorized: false } : { ca: [authority] }),
  });
  const closed = new AbortController();
  return {
    address,
    call: (call) => send(address, call, agent, closed.signal),
    close: () => {
      closed.abort();
      agent.destroy();
    },
  };
}

function send(address: SiteAddress, call: Call, agent: Agent, closed: AbortSignal): Promise<Answer> {
  const json = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  const body = call.bytes ?? json;
  const type = call.bytes === undefined ? "application/json" : "application/octet-stream";
  const answerBytesMost = call.answerBytesMost ?? limits.requestBodyBytes * 4;
  return new Promise((resolve, reject) => {
    if (closed.aborted) {
      return reject(new VolleyError("E_CANCELLED", "The connection to the site was closed"));
    }
    const outgoing = request({
      ...address,
      agent,
      method: call.method,
      path: call.path,
      headers: {
        accept: "application/json",
        ...(call.authorization === undefined ? {} : { authorization: call.authorization }),
        ...(body === null ? {} : { "content-type": type, "content-length": body.length }),
      },
    });
    // Of silence, not in all: a manifest of a large image takes a while.
    outgoing.setTimeout(limits.requestTimeoutMs, () => {
      outgoing.destroy(new Error(`no answer for ${limits.requestTimeoutMs / 1000} s`));
    });
    if (call.phases !== undefined) holdToPhases(outgoing, call.phases);
    const abandon = (): void =>
      void outgoing.destroy(new VolleyError("E_CANCELLED", "The connection was closed"));
    closed.addEventListener("abort", abandon, { once: true });
    const fail = (error: Error): void => reject(toSiteError(error, address));
    outgoing.once("error", fail);
    outgoing.once("close", () => closed.removeEventListener("abort", abandon));
    outgoing.once("response", (incoming) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > answerBytesMost) {
          outgoing.destroy(new Error(`the answer is longer than ${answerBytesMost} bytes`));
        } else pieces.push(piece);
      });
      incoming.once("error", fail);
      incoming.once("aborted", () => fail(new Error("the connection broke off in mid-answer")));
      incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(pieces) }));
    });
    outgoing.end(body ?? undefined);
  });
}

/** What Node and OpenSSL call a certificate that is not what it should be. */
const distrust =
  /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS|HOSTNAME_MISMATCH|PATH_LENGTH|INVALID_(CA|PURPOSE)/;

/** "https://192.0.2.1:8443"; an IPv6 address stands in brackets. */
export const siteUrl = ({ host, port }: SiteAddress): string =>
  `https://${host.includes(":") ? `[${host}]` : host}:${port}`;

function toSiteError(error: Error, address: SiteAddress): VolleyError {
  if (error instanceof VolleyError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const where = siteUrl(address);
  if (/CERT_(NOT_YET_VALID|HAS_EXPIRED)/.test(code)) {
    const now = new Date().toISOString();
    const detail = `The certificate of ${where} is not valid now (${error.message}); this machine's clock says ${now}`;
    return new VolleyError("E_CLOCK", detail, { cause: error });
  }
  if (distrust.test(code)) {
    const detail = `${where} shows a certificate that is not to be trusted: ${error.message} (${code})`;
    return new VolleyError("E_SITE_UNTRUSTED", detail, { cause: error });
  }
  const reason = error.message.includes(code) ? error.message : `${error.message} (${code})`;
  return new VolleyError("E_SITE_UNREACHABLE", `${where} does not answer: ${reason || code}`, {
    cause: error,
  });
}
