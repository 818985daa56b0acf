/** Listens for the datagrams of an examination, and counts what comes of each burst. */
import { createSocket, type Socket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import type { Examination } from "../../contract/doctor.ts";
import { DatagramCodec, type TestDatagram } from "../../contract/doctor-datagram.ts";
import { VolleyError } from "../../contract/errors.ts";

/** Asked for; the system may give less. */
const receiveBufferBytes = 8 << 20;
const burstsMost = 10_000;

export class Heard {
  /** Datagrams, each counted once. */
  received = 0;
  duplicates = 0;
  /** Those that came after one with a higher number. */
  late = 0;
  bytes = 0;
  firstMs = 0;
  lastMs = 0;
  readonly sizes = new Map<number, number>();
  readonly #numbers = new Set<number>();
  #highest = -1;

  add({ number, packetBytes }: TestDatagram, nowMs: number): void {
    if (this.#numbers.has(number)) {
      this.duplicates += 1;
      return;
    }
    this.#numbers.add(number);
    if (number < this.#highest) this.late += 1;
    else this.#highest = number;
    if (this.received === 0) this.firstMs = nowMs;
    this.received += 1;
    this.bytes += packetBytes;
    this.lastMs = nowMs;
    this.sizes.set(packetBytes, (this.sizes.get(packetBytes) ?? 0) + 1);
  }

  /** Of IP packets, between the first and the last; null when there are too few to say. */
  get rateMbps(): number | null {
    const elapsedMs = this.lastMs - this.firstMs;
    return this.received < 20 || elapsedMs < 1 ? null : (this.bytes * 8) / 1000 / elapsedMs;
  }
}

export class Ear {
  readonly #socket: Socket;
  readonly #codec: DatagramCodec;
  readonly #group: string;
  readonly #tests = new Map<number, Heard>();
  /** Of the machine's own questions. */
  readonly echoes = new Heard();

  private constructor(socket: Socket, facts: Examination) {
    this.#socket = socket;
    this.#codec = new DatagramCodec(facts.id, facts.key);
    this.#group = facts.group;
    socket.on("message", (payload) => this.#take(payload));
    socket.on("error", () => {});
  }

  /** Throws E_SOCKET. It is in no group yet. */
  static async open(facts: Examination): Promise<Ear> {
    const socket = createSocket({ type: "udp4", reuseAddr: true, recvBufferSize: receiveBufferBytes });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(facts.port, resolve);
      });
    } catch (error) {
      socket.close();
      throw new VolleyError("E_SOCKET", `UDP port ${facts.port} cannot be listened on: ${String(error)}`);
    }
    socket.removeAllListeners("error");
    return new Ear(socket, facts);
  }

  /** Throws E_GROUP_JOIN. */
  join(interfaceAddress: string): void {
    try {
      this.#socket.addMembership(this.#group, interfaceAddress);
    } catch (error) {
      const why = (error as Error).message;
      throw new VolleyError("E_GROUP_JOIN", `${this.#group} cannot be joined on ${interfaceAddress}: ${why}`);
    }
  }

  leave(interfaceAddress: string): void {
    try {
      this.#socket.dropMembership(this.#group, interfaceAddress);
    } catch {
      // The card is gone, and the membership with it.
    }
  }

  /** What has come of a burst so far. */
  of(burst: number): Heard {
    const heard = this.#tests.get(burst) ?? new Heard();
    if (this.#tests.size < burstsMost) this.#tests.set(burst, heard);
    return heard;
  }

  /** Sends a question; the system's refusals count as loss. */
  ask(question: Omit<TestDatagram, "kind">, address: string, port: number): Promise<void> {
    const payload = this.#codec.write({ kind: "question", ...question });
    return new Promise((resolve) => this.#socket.send(payload, port, address, () => resolve()));
  }

  close(): void {
    this.#socket.close();
  }

  #take(payload: Buffer): void {
    const datagram = this.#codec.read(payload);
    if (datagram === null) return;
    if (datagram.kind === "echo") this.echoes.add(datagram, performance.now());
    else if (datagram.kind === "test") this.of(datagram.burst).add(datagram, performance.now());
  }
}

/** Waits until all of them are here, or nothing more has come for `quietMs`; at most `mostMs`. */
export async function settle(
  heard: Heard,
  wanted: number,
  { quietMs, mostMs }: { quietMs: number; mostMs: number },
): Promise<void> {
  const startedMs = performance.now();
  while (heard.received < wanted) {
    const nowMs = performance.now();
    if (nowMs - startedMs > mostMs || nowMs - Math.max(heard.lastMs, startedMs) > quietMs) return;
    await sleep(10);
  }
}
