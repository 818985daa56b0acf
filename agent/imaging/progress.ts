/** From the statistics that the addon counts to what people and the site are told. */
import { limits } from "../../contract/limits.ts";
import type { Progress } from "../../contract/report.ts";
import type { ReceiverStatistics } from "../../native/index.ts";
import type { ProgressView } from "../report/transfer-view.ts";
import type { Bottleneck } from "./bottleneck.ts";

/** Bytes a second over the last seconds. */
export class RateMeter {
  readonly #samples: { timeMs: number; bytes: number }[] = [];
  static readonly windowMs = 4000;

  add(timeMs: number, bytes: number): void {
    this.#samples.push({ timeMs, bytes });
    while (this.#samples.length > 2 && timeMs - (this.#samples[1]?.timeMs ?? timeMs) >= RateMeter.windowMs) {
      this.#samples.shift();
    }
  }

  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.timeMs <= first.timeMs) return 0;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.timeMs - first.timeMs));
  }
}

/** What earlier receivers of this deployment took, before the one that runs now. */
export interface Totals {
  multicastBytes: number;
  unicastBytes: number;
  repairedSymbols: number;
  /** Of the first receiver: what later ones find, this run has written itself. */
  foundChunks: number | null;
}

export function addTotals(totals: Totals, statistics: ReceiverStatistics): Totals {
  return {
    multicastBytes: totals.multicastBytes + statistics.multicastBytes,
    unicastBytes: totals.unicastBytes + statistics.unicastBytes,
    repairedSymbols: totals.repairedSymbols + statistics.repairedSymbols,
    foundChunks: totals.foundChunks ?? statistics.chunksFound,
  };
}

export function viewOf(
  statistics: ReceiverStatistics,
  totals: Totals,
  state: { bytesPerSecond: number; waitingFor: string; bottleneck: Bottleneck },
): ProgressView {
  const { bottleneck, bytesPerSecond, waitingFor } = state;
  const sum = addTotals(totals, statistics);
  const left = statistics.bytesTotal - statistics.bytesVerified;
  return {
    phase: statistics.phase,
    waitingFor,
    bottleneck,
    bytesVerified: statistics.bytesVerified,
    bytesTotal: statistics.bytesTotal,
    multicastBytes: sum.multicastBytes,
    unicastBytes: sum.unicastBytes,
    bytesFound: Math.min((sum.foundChunks ?? 0) * limits.chunkBytes, statistics.bytesTotal),
    repairedSymbols: sum.repairedSymbols,
    bytesPerSecond,
    secondsLeft: bytesPerSecond > 0 && statistics.phase === "receiving" ? left / bytesPerSecond : null,
  };
}

/** What the site is told beside what the screen shows. */
export type LinkFigures = Pick<Progress, "lossPart" | "diskBytesPerSecond">;

export function progressOf(view: ProgressView, sessionId: string, figures: LinkFigures = {}): Progress {
  const { bytesFound: _, ...rest } = view;
  return { sessionId, ...rest, ...figures };
}

/** Bytes of chunks that the disk took and gave back right; what a rewrite cost counts too. */
export function bytesTaken(statistics: ReceiverStatistics): number {
  const { chunksByMulticast, chunksByUnicast, chunksRewritten } = statistics;
  return (chunksByMulticast + chunksByUnicast + chunksRewritten) * limits.chunkBytes;
}
