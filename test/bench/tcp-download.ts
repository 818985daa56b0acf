/** A TCP download over the link that a cast uses, to see how much of it the cast leaves. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Host, Room } from "./room.ts";

const port = 47_030;
const script = fileURLToPath(new URL("./tcp-peer.js", import.meta.url));
/** TCP has found its rate by then. */
const warmUpMs = 2000;

export class TcpDownload {
  readonly #sender: ChildProcess;
  readonly #receiver: ChildProcess;
  #bytes = 0;
  #markedBytes = 0;
  #markedAt = 0n;

  private constructor(sender: ChildProcess, receiver: ChildProcess) {
    this.#sender = sender;
    this.#receiver = receiver;
    receiver.on("message", (message: { bytes: number }) => {
      this.#bytes = message.bytes;
    });
  }

  /** From the room's sender to its first receiver. */
  static async start(room: Room): Promise<TcpDownload> {
    const [host] = room.receivers;
    if (!host) throw new Error("a room without receivers");
    const begin = (at: Host, words: string[]): ChildProcess =>
      room.start(at, process.execPath, [script, ...words], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
    const sender = begin(room.sender, ["send", String(port)]);
    await once(sender, "message");
    const download = new TcpDownload(sender, begin(host, ["receive", room.sender.address, String(port)]));
    await sleep(warmUpMs);
    return download;
  }

  /** From here on it is measured. */
  mark(): void {
    this.#markedBytes = this.#bytes;
    this.#markedAt = process.hrtime.bigint();
  }

  /** Millions of bytes a second since the mark. */
  rate(): number {
    const seconds = Number(process.hrtime.bigint() - this.#markedAt) / 1e9;
    return (this.#bytes - this.#markedBytes) / 1e6 / seconds;
  }

  stop(): void {
    this.#receiver.disconnect();
    this.#sender.disconnect();
  }
}
