/**
 * Which machines of a deployment belong into another stream, by the speed at which they take what their stream brings.
 * Pure: figures and the time go in, moves come out. Stream 0 is the first, and each further one slower than the one
 * before it: it begins with machines that could not keep up there.
 */
import type { Progress } from "../../contract/report.ts";
import { limits } from "../../contract/limits.ts";
import { overWindow, rateText, slowWindowMs, type ClientFigures, type Move } from "./slow-clients.ts";

export interface StreamClient extends ClientFigures {
  /** Stored bytes that it has taken so far, by each path. */
  multicastBytes: number;
  unicastBytes: number;
  heldBackBy: Progress["bottleneck"];
  /** When it told this. */
  toldMs: number;
}

export interface StreamFigures {
  stream: number;
  /** Image data that its session has sent by multicast so far. */
  sentBytes: number;
  clients: readonly StreamClient[];
}

export interface StreamMove extends Move {
  from: number;
  to: number;
}

/** A machine that takes less than this part of what its stream brings to another one is too slow for it. */
const slowPart = 2 / 3;
/** One that takes this part of what a faster stream brings belongs there: what it was moved for is over. */
const asFastPart = 0.9;
/** Of the looks at a machine, those at which its own network, processor or disk held it back. */
const heldBackPart = 0.5;
/** Of what a machine took, by multicast: one that multicast does not reach is served by no stream. */
const reachedPart = 0.1;
/** Older figures say nothing of what the machine does now. */
const freshMs = 2 * limits.progressIntervalMostMs;

const own: ReadonlySet<Progress["bottleneck"]> = new Set(["network", "processor", "disk"]);
const heldBackWords = { network: "its network", processor: "its processor", disk: "its disk" } as const;
type Own = keyof typeof heldBackWords;

interface Measured {
  machineId: string;
  stream: number;
  /**
   * Megabits a second over the window: of the image, taken in all, and taken by multicast. The last is no more than what
   * was sent: a machine may tell anything, and others are judged by it.
   */
  verifiedMbps: number;
  takenMbps: number;
  multicastMbps: number;
  /** What of the machine held it back most of the time; null: nothing did. */
  heldBackBy: Own | null;
}

/** What a machine told, and what had been sent when that was looked at. */
interface Sample extends StreamClient {
  sentBytes: number;
  lookMs: number;
}

interface Course {
  stream: number;
  samples: Sample[];
  movedMs: number;
  movesUp: number;
  /** What the stream brought that it was last moved out of for being slow; infinite where it was not. */
  leftMbps: number;
}

/** As a move, with what the stream that is left brought. */
interface Judgement extends StreamMove {
  broughtMbps: number;
}

export class StreamRule {
  readonly #streams: number;
  readonly #courses = new Map<string, Course>();

  /** `streams`: how many there may be. */
  constructor(streams: number) {
    this.#streams = streams;
  }

  /** Call it about once a second with the streams that are open. */
  look(nowMs: number, streams: readonly StreamFigures[]): StreamMove[] {
    const measured = streams.flatMap(({ clients, sentBytes, stream }) =>
      clients.flatMap((client) => this.#measure(stream, { ...client, sentBytes, lookMs: nowMs }) ?? []),
    );
    const moves = measured.flatMap((machine) => this.#judge(nowMs, machine, measured) ?? []);
    return moves.map(({ broughtMbps, ...move }) => {
      const course = this.#courses.get(move.machineId);
      if (course !== undefined) {
        course.samples = [];
        course.movedMs = nowMs;
        course.movesUp += move.to < move.from ? 1 : 0;
        course.leftMbps = broughtMbps;
      }
      return move;
    });
  }

  #measure(stream: number, client: Sample): Measured | null {
    const { lookMs, machineId, sentBytes } = client;
    const course = this.#courses.get(machineId) ?? begun(stream);
    this.#courses.set(machineId, course);
    const { samples } = course;
    const last = samples.at(-1);
    const begins =
      course.stream !== stream ||
      (last?.verifiedBytes ?? 0) > client.verifiedBytes ||
      (last?.sentBytes ?? 0) > sentBytes;
    const isFresh = lookMs - client.toldMs <= freshMs;
    if (!client.receiving || begins || !isFresh) samples.length = 0;
    course.stream = stream;
    if (!client.receiving || !isFresh) return null;
    if (last === undefined || samples.length === 0 || client.toldMs > last.toldMs) samples.push(client);
    while (samples.length > 2 && client.toldMs - (samples[1]?.toldMs ?? 0) >= slowWindowMs) samples.shift();
    const [first] = samples;
    if (first === undefined || client.toldMs - first.toldMs < slowWindowMs) return null;
    const mbps = (of: (client: StreamClient) => number): number =>
      ((of(client) - of(first)) * 8) / 1000 / (client.toldMs - first.toldMs);
    const sentMbps = ((sentBytes - first.sentBytes) * 8) / 1000 / (lookMs - first.lookMs);
    return {
      machineId,
      stream,
      verifiedMbps: mbps((one) => one.verifiedBytes),
      takenMbps: mbps((one) => one.multicastBytes + one.unicastBytes),
      multicastMbps: Math.min(
        sentMbps,
        mbps((one) => one.multicastBytes),
      ),
      heldBackBy: mostlyHeldBackBy(samples),
    };
  }

  #judge(nowMs: number, machine: Measured, all: readonly Measured[]): Judgement | null {
    return this.#down(machine, all) ?? this.#up(nowMs, machine, all);
  }

  /** It falls behind what its stream brings to another machine, and the reason is its own. */
  #down(machine: Measured, all: readonly Measured[]): Judgement | null {
    const { heldBackBy, machineId, multicastMbps, stream, takenMbps, verifiedMbps } = machine;
    const lastStream = this.#streams - 1;
    if (stream >= lastStream || heldBackBy === null || multicastMbps < reachedPart * takenMbps) return null;
    const others = all.filter((other) => other.stream === stream && other.machineId !== machineId);
    // Who scans a disk that holds much of the image verifies more than it takes.
    const most = Math.max(0, ...others.map((other) => other.verifiedMbps));
    const brought = paceOf(stream, others);
    if (brought === null || takenMbps >= slowPart * brought || verifiedMbps >= slowPart * most) return null;
    let to = stream + 1;
    while (to < lastStream && takenMbps < slowPart * (paceOf(to, all) ?? 0)) to += 1;
    const reason =
      `It took ${overWindow(takenMbps)}, held back by ${heldBackWords[heldBackBy]}, ` +
      `while stream ${stream} brought ${rateText(brought)}`;
    return { machineId, from: stream, to, reason, broughtMbps: brought };
  }

  /** It takes as much as a faster stream brings: once, since each move has it read its disk again. */
  #up(nowMs: number, machine: Measured, all: readonly Measured[]): Judgement | null {
    const { machineId, multicastMbps, stream } = machine;
    const course = this.#courses.get(machineId);
    if (course === undefined || course.movesUp >= limits.streamMovesUpMost) return null;
    if (nowMs - course.movedMs < limits.streamSettleMs) return null;
    for (let to = 0; to < stream; to += 1) {
      const brought = paceOf(to, all);
      if (brought === null || multicastMbps < asFastPart * brought) continue;
      // A stream that little is asked of any more brings little; that is not its pace.
      if (multicastMbps < slowPart * course.leftMbps) continue;
      const took = overWindow(multicastMbps);
      const reason = `It took ${took}, and stream ${to} brings ${rateText(brought)}`;
      return { machineId, from: stream, to, reason, broughtMbps: brought };
    }
    return null;
  }
}

function begun(stream: number): Course {
  return { stream, samples: [], movedMs: -Infinity, movesUp: 0, leftMbps: Infinity };
}

/** What a stream brings: as much as the machine that takes most of it. Null where none is known well enough. */
function paceOf(stream: number, all: readonly Measured[]): number | null {
  const rates = all.filter((one) => one.stream === stream).map((one) => one.multicastMbps);
  return rates.length === 0 ? null : Math.max(...rates);
}

function mostlyHeldBackBy(samples: readonly StreamClient[]): Own | null {
  const counts = new Map<Own, number>();
  for (const { heldBackBy } of samples) {
    if (own.has(heldBackBy)) counts.set(heldBackBy as Own, (counts.get(heldBackBy as Own) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted(([, one], [, other]) => other - one);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return most === undefined || all < heldBackPart * samples.length ? null : most[0];
}
