/** Speaks to a site over HTTPS as its administrator. */
import { Agent, request } from "node:https";
import { ErrorAnswer, apiPrefix } from "../contract/common.ts";
import { VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";

export interface SiteClientOptions {
  address: string;
  port: number;
  /** PEM of the site's authority: no other is trusted. */
  authority: string;
  adminToken: string;
}

const answerBytesMost = 256 * limits.requestBodyBytes;

const connectionsKept = 2;

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

  close(): void {
    this.#agent.destroy();
  }

  /** Throws the error that the site answers, E_SITE_UNREACHABLE or E_SITE_UNTRUSTED. */
  async #call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? "application/octet-stream" : "application/json";
    const { status, text } = await this.#repeat(() => this.#exchange(method, path, bytes && { type, bytes }));
    if (status < 300) return (text === "" ? undefined : JSON.parse(text)) as Answer;
    let refusal: ErrorAnswer;
    try {
      refusal = ErrorAnswer.parse(JSON.parse(text));
    } catch {
      throw new VolleyError(
        "E_SITE_UNREACHABLE",
        `What answers at ${this.#where()} is not a site: HTTP status ${status}.`,
      );
    }
    throw new VolleyError(refusal.code, refusal.detail);
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

  #exchange(
    method: string,
    path: string,
    body: { type: string; bytes: Buffer } | undefined,
  ): Promise<{ status: number; text: string }> {
    const { address, port, adminToken } = this.#options;
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
        timeout: limits.requestTimeoutMs,
      });
      const fail = (error: Error): void => {
        const hasEnded = sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
        const failure = this.#failure(error);
        reject(hasEnded ? new EndedConnection(failure.code, failure.detail, { cause: error }) : failure);
      };
      sent.on("timeout", () => sent.destroy(new Error(`no answer for ${limits.requestTimeoutMs} ms`)));
      sent.on("error", fail);
      sent.on("response", (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= answerBytesMost) chunks.push(chunk);
          else sent.destroy(new Error("the answer is too long"));
        });
        response.on("error", (error) => reject(this.#failure(error)));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
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
