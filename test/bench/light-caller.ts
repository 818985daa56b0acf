/**
 * HTTP over one TLS connection that stays, no more of it than a benchmark with a thousand of them needs: one request at a
 * time, a body of JSON, answers of a length that they say.
 */
import { connect, type TLSSocket } from "node:tls";

export interface LightAnswer {
  status: number;
  text: string;
}

interface Waiting {
  resolve: (answer: LightAnswer) => void;
  reject: (error: Error) => void;
}

const headEnd = Buffer.from("\r\n\r\n");

export class LightCaller {
  readonly #place: { host: string; port: number; authority: string };
  readonly #timeoutMs: number;
  #socket: TLSSocket | null = null;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | null = null;

  constructor(place: { host: string; port: number; authority: string }, timeoutMs: number) {
    this.#place = place;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects when the connection ends, and then makes another with the next call. */
  call(method: string, path: string, token: string, body?: unknown): Promise<LightAnswer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `host: ${this.#place.host}`,
      ...(token === "" ? [] : [`authorization: Bearer ${token}`]),
      ...(text === ""
        ? []
        : ["content-type: application/json", `content-length: ${Buffer.byteLength(text)}`]),
    ];
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#open().write(`${lines.join("\r\n")}\r\n\r\n${text}`);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): TLSSocket {
    if (this.#socket !== null) return this.#socket;
    const { authority, host, port } = this.#place;
    const socket = connect({ host, port, ca: authority });
    const end = (error: Error): void => {
      socket.destroy();
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#received = Buffer.alloc(0);
      this.#settle()?.reject(error);
    };
    socket.setNoDelay(true);
    socket.setTimeout(this.#timeoutMs, () => end(new Error("no answer")));
    socket.on("data", (piece: Buffer) => this.#take(piece));
    socket.on("error", end);
    socket.on("close", () => end(new Error("the connection was closed")));
    this.#socket = socket;
    return socket;
  }

  #take(piece: Buffer): void {
    this.#received = this.#received.length === 0 ? piece : Buffer.concat([this.#received, piece]);
    const end = this.#received.indexOf(headEnd);
    if (end === -1) return;
    const head = this.#received.toString("latin1", 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const bodyAt = end + headEnd.length;
    if (this.#received.length < bodyAt + length) return;
    const text = this.#received.toString("utf8", bodyAt, bodyAt + length);
    this.#received = this.#received.subarray(bodyAt + length);
    this.#settle()?.resolve({ status: Number(head.slice(9, 12)), text });
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }
}
