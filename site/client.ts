/** Speaks to a site over HTTPS: as its administrator, or as a distribution point of it. */
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ErrorAnswer, apiPrefix } from "../contract/common.ts";
import { VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";

export interface SiteClientOptions {
  address: string;
  port: number;
  /** PEM of the site's authority: no other is trusted. */
  authority: string;
  /** What stands behind "Bearer". */
  adminToken: string;
}

const answerBytesMost = 256 * limits.requestBodyBytes;

const connectionsKept = 2;

interface SentBody {
  type: string;
  bytes: Buffer;
  /** How long the site may say nothing. */
  timeoutMs?: number;
}

/** Of one that was kept from an earlier request; no answer had begun. */
class EndedConnection extends VolleyError {}

export class SiteClient {
  readonly #options: SiteClientOptions;
  readonly #agent: Agent;

  constructor(options: SiteClientOptions) {
    this.#options = options;
    this.#agent = new Agent({ ca: options.authority, keepAlive: true, maxSockets: connectionsKept });
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#call<Answer>("GET", path);
  }
  post<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.#call<Answer>("POST", path, body);
  }
  /** A piece of a file. */
  put<Answer>(path: string, piece: Buffer): Promise<Answer> {
    return this.#call<Answer>("PUT", path, piece);
  }
  async remove(path: string): Promise<void> {
    await this.#call("DELETE", path);
  }

  /** A file, or a piece of one. */
  async fetch(path: string): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const take = async (answer: Readable): Promise<void> => {
      let bytes = 0;
      for await (const piece of answer as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > answerBytesMost) throw this.#failure(new Error("the answer is too long"));
        pieces.push(piece);
      }
    };
    const { status, text } = await this.#repeat(() =>
      this.#exchange("GET", path, undefined, (answer) =>
        take(answer).catch((error: unknown) => {
          throw error instanceof VolleyError ? error : this.#failure(error as Error);
        }),
      ),
    );
    if (status >= 300) throw this.#refusal(status, text);
    return Buffer.concat(pieces);
  }

  /** Posts, and writes what is answered into a new file that only its owner reads; durable when this resolves. */
  async save(path: string, body: unknown, file: string): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(body));
    const asked = { type: "application/json", bytes, timeoutMs: limits.backupMs };
    const { status, text } = await this.#repeat(() =>
      this.#exchange("POST", path, asked, (answer) => {
        return pipeline(answer, createWriteStream(file, { flags: "wx", mode: 0o600, flush: true }));
      }),
    );
    if (status >= 300) throw this.#refusal(status, text);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Throws the error that the site answers, E_SITE_UNREACHABLE or E_SITE_UNTRUSTED. */
  async #call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? "application/octet-stream" : "application/json";
    const { status, text } = await this.#repeat(() => this.#exchange(method, path, bytes && { type, bytes }));
    if (status < 300) return (text === "" ? undefined : JSON.parse(text)) as Answer;
    throw this.#refusal(status, text);
  }

  #refusal(status: number, text: string): VolleyError {
    try {
      const { code, detail } = ErrorAnswer.parse(JSON.parse(text));
      return new VolleyError(code, detail);
    } catch {
      return new VolleyError(
        "E_SITE_UNREACHABLE",
        `What answers at ${this.#where()} is not a site: HTTP status ${status}.`,
      );
    }
  }

  #where(): string {
    return `https://${this.#options.address}:${this.#options.port}`;
  }

  /**
   * A site ends connections that nothing was asked on for seconds, and a client that was busy meanwhile learns of that only
   * when it asks again. The site has not seen such a request. Each try uses up one of the connections that were kept.
   */
  async #repeat<Answer>(exchange: () => Promise<Answer>): Promise<Answer> {
    for (let left = connectionsKept; ; left -= 1) {
      try {
        return await exchange();
      } catch (error) {
        if (left === 0 || !(error instanceof EndedConnection)) throw error;
      }
    }
  }

  /** What is answered well goes to `take`, where there is one, and is not in the text then. */
  #exchange(
    method: string,
    path: string,
    body: SentBody | undefined,
    take?: (answer: Readable) => Promise<void>,
  ): Promise<{ status: number; text: string }> {
    const { address, port, adminToken } = this.#options;
    const answerMs = body?.timeoutMs ?? limits.administrationAnswerMs;
    return new Promise((resolve, reject) => {
      const sent = request({
        agent: this.#agent,
        host: address,
        port,
        method,
        path: apiPrefix + path,
        headers: {
          authorization: `Bearer ${adminToken}`,
          ...(body === undefined ? {} : { "content-type": body.type, "content-length": body.bytes.length }),
        },
      });
      const giveUp = (afterMs: number): unknown => sent.destroy(new Error(`no answer for ${afterMs} ms`));
      sent.on("socket", (socket) => {
        sent.setTimeout(answerMs, () => giveUp(answerMs));
        if (sent.reusedSocket) return;
        const timer = setTimeout(() => giveUp(limits.requestTimeoutMs), limits.requestTimeoutMs);
        for (const event of ["secureConnect", "close"]) socket.once(event, () => clearTimeout(timer));
      });
      const fail = (error: Error): void => {
        const hasEnded = sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
        const failure = this.#failure(error);
        reject(hasEnded ? new EndedConnection(failure.code, failure.detail, { cause: error }) : failure);
      };
      sent.on("error", fail);
      sent.on("response", (response: IncomingMessage) => {
        const status = response.statusCode ?? 0;
        if (take !== undefined && status < 300) {
          take(response).then(() => resolve({ status, text: "" }), reject);
          return;
        }
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= answerBytesMost) chunks.push(chunk);
          else sent.destroy(new Error("the answer is too long"));
        });
        response.on("error", (error) => reject(this.#failure(error)));
        response.on("end", () => resolve({ status, text: Buffer.concat(chunks).toString() }));
      });
      sent.end(body?.bytes);
    });
  }

  #failure(error: Error): VolleyError {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);
    const detail = `${this.#where()}: ${error.message || code}`;
    return new VolleyError(untrusted ? "E_SITE_UNTRUSTED" : "E_SITE_UNREACHABLE", detail, { cause: error });
  }
}
