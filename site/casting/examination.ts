/** One machine's examination: a socket that sends test datagrams to a group, and sends back what the machine says. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import type { BurstAnswer, BurstRequest, EchoCounts, Examination } from "../../contract/doctor.ts";
import { DatagramCodec } from "../../contract/doctor-datagram.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

/** Of UDP packets that the system has not taken yet. */
const underWayMost = 64;
const sendBufferBytes = 1 << 20;

/** A sender that was held up does not make up for all of it: that would be a burst that no port takes. */
const catchUpMs = 3;

class Pace {
  readonly #bytesPerMs: number;
  #dueMs: number;

  constructor(bytesPerMs: number, nowMs: number) {
    this.#bytesPerMs = bytesPerMs;
    this.#dueMs = nowMs;
  }

  isDue(nowMs: number): boolean {
    this.#dueMs = Math.max(this.#dueMs, nowMs - catchUpMs);
    return nowMs >= this.#dueMs;
  }

  spend(bytes: number): void {
    this.#dueMs += bytes / this.#bytesPerMs;
  }
}

export interface ExaminationOptions {
  facts: Examination;
  machineId: string;
}

export class OpenExamination {
  readonly facts: Examination;
  readonly machineId: string;
  readonly openedMs = Date.now();
  askedMs = Date.now();
  /** A burst is on its way, or waits for its turn. */
  busy = false;
  readonly #socket: Socket;
  readonly #codec: DatagramCodec;
  #counts: EchoCounts = { arrived: 0, largestPacketBytes: 0 };
  #bursts = 0;
  #closed = false;

  private constructor({ facts, machineId }: ExaminationOptions, socket: Socket) {
    this.facts = facts;
    this.machineId = machineId;
    this.#socket = socket;
    this.#codec = new DatagramCodec(facts.id, facts.key);
    socket.on("message", (payload, from) => this.#echo(payload, from));
    // What the system says of a datagram that nobody takes is no reason to end.
    socket.on("error", () => {});
  }

  /** Rejects with E_SOCKET when the port cannot be had. */
  static async open(options: ExaminationOptions): Promise<OpenExamination> {
    const { castAddress, echoPort, timeToLive } = options.facts;
    const socket = createSocket({ type: "udp4", sendBufferSize: sendBufferBytes });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(echoPort, resolve);
      });
      socket.removeAllListeners("error");
      socket.setMulticastInterface(castAddress);
      socket.setMulticastTTL(timeToLive);
    } catch (error) {
      socket.close();
      const why = (error as Error).message;
      throw new VolleyError("E_SOCKET", `An examination cannot use UDP port ${echoPort}: ${why}`);
    }
    return new OpenExamination(options, socket);
  }

  get counts(): EchoCounts {
    return { ...this.#counts };
  }

  /** One after the other. Ends within about doctorBurstMs, with what was sent until then. */
  async send({ packetBytes, packets, rateMbps }: BurstRequest): Promise<BurstAnswer> {
    const burst = (this.#bursts += 1);
    const { group, port } = this.facts;
    const answer: BurstAnswer = { burst, sent: 0, refused: 0, refusal: "", elapsedMs: 0 };
    const startedMs = performance.now();
    const pace = new Pace((rateMbps * 1e6) / 8 / 1000, startedMs);
    const late = (): boolean => this.#closed || performance.now() - startedMs > limits.doctorBurstMs;
    let underWay = 0;
    const done = (error: Error | null): void => {
      underWay -= 1;
      if (error === null) answer.sent += 1;
      else {
        answer.refused += 1;
        answer.refusal ||= ((error as NodeJS.ErrnoException).code ?? error.message).slice(0, 100);
      }
    };
    for (let number = 0; number < packets && !late(); number += 1) {
      const bytes = packetBytes[number % packetBytes.length] ?? limits.doctorPacketBytesLeast;
      while (!late() && (underWay >= underWayMost || !pace.isDue(performance.now()))) await sleep(1);
      pace.spend(bytes);
      underWay += 1;
      const payload = this.#codec.write({ kind: "test", burst, number, packetBytes: bytes });
      this.#socket.send(payload, port, group, done);
    }
    while (underWay > 0 && !this.#closed && performance.now() - startedMs < limits.doctorBurstMs * 2) {
      await sleep(1);
    }
    answer.elapsedMs = performance.now() - startedMs;
    return answer;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  /** One for one and of the same size, to whoever holds the key: nothing is gained by lying about an address. */
  #echo(payload: Buffer, from: RemoteInfo): void {
    const question = this.#codec.read(payload);
    if (question?.kind !== "question" || this.#counts.arrived >= limits.doctorEchoes) return;
    this.#counts.arrived += 1;
    this.#counts.largestPacketBytes = Math.max(this.#counts.largestPacketBytes, question.packetBytes);
    this.#socket.send(this.#codec.write({ ...question, kind: "echo" }), from.port, from.address, () => {});
  }
}
