/**
 * Which machines of a session are too slow for it, by the threshold of its deployment. Pure: figures and the time go in, moves
 * come out. A machine is moved once, with the reason, and stays moved: what it lacks it fetches by unicast, and the others
 * do not repair for it any more.
 */
import type { SlowClients } from "../../contract/administration.ts";

export interface ClientFigures {
  machineId: string;
  /** Bytes of the image that it has verified so far, by whatever path they came. */
  verifiedBytes: number;
  /** It is receiving: it neither prepares its disk nor finishes. */
  receiving: boolean;
}

export interface Move {
  machineId: string;
  reason: string;
}

/** A disk that stands still for a moment is no reason; a slow one is known after this. */
export const slowWindowMs = 15_000;

/** A rate with one decimal below ten. */
export const rateText = (mbps: number): string => mbps.toFixed(mbps < 10 ? 1 : 0);
/** What was measured, with its unit and the time it was measured over. */
export const overWindow = (mbps: number): string => `${rateText(mbps)} Mbit/s over ${slowWindowMs / 1000} s`;

interface Sample {
  timeMs: number;
  verifiedBytes: number;
  sentBytes: number;
}

export class SlowClientRule {
  readonly #policy: SlowClients;
  readonly #samples = new Map<string, Sample[]>();
  readonly #moved = new Set<string>();

  constructor(policy: SlowClients) {
    this.#policy = policy;
  }

  /** `sentBytes`: image data that the session has sent by multicast so far. Call it about once a second. */
  look(timeMs: number, sentBytes: number, clients: readonly ClientFigures[]): Move[] {
    if (this.#policy.policy !== "disconnect") return [];
    const { leastMbps } = this.#policy;
    return clients.flatMap((client) => this.#judge(leastMbps, { timeMs, sentBytes }, client) ?? []);
  }

  /** The machine begins anew, and may be moved again. */
  forget(machineId: string): void {
    this.#moved.delete(machineId);
    this.#samples.delete(machineId);
  }

  /** It was moved by this rule before. */
  keepMoved(machineId: string): void {
    this.#moved.add(machineId);
  }

  #judge(leastMbps: number, at: { timeMs: number; sentBytes: number }, client: ClientFigures): Move | null {
    const { sentBytes, timeMs } = at;
    const { machineId, receiving, verifiedBytes } = client;
    if (!receiving || this.#moved.has(machineId)) {
      this.#samples.delete(machineId);
      return null;
    }
    const samples = this.#samples.get(machineId) ?? [];
    this.#samples.set(machineId, samples);
    // A machine that joins again counts from nothing.
    if ((samples.at(-1)?.verifiedBytes ?? 0) > verifiedBytes) samples.length = 0;
    samples.push({ timeMs, verifiedBytes, sentBytes });
    while (samples.length > 2 && timeMs - (samples[1]?.timeMs ?? timeMs) >= slowWindowMs) samples.shift();
    const [first] = samples;
    if (first === undefined || timeMs - first.timeMs < slowWindowMs) return null;
    const mbps = (bytes: number): number => (bytes * 8) / 1000 / (timeMs - first.timeMs);
    const own = mbps(verifiedBytes - first.verifiedBytes);
    // Where less than the threshold is sent, nobody can take more: that is the session's pace, not the machine's.
    if (own >= leastMbps || mbps(sentBytes - first.sentBytes) < leastMbps) return null;
    this.#moved.add(machineId);
    return {
      machineId,
      reason: `It verified ${overWindow(own)}, less than the ${leastMbps} of its deployment`,
    };
  }
}
