/** What the cast benchmark and the processes it starts say to each other, over Node's own channel. */
import type {
  CasterOptions,
  CasterStatistics,
  ReceiverOptions,
  ReceiverStatistics,
} from "../../native/index.ts";

/** What a process cost from its start to its end. */
export interface Cost {
  processorSeconds: number;
  residentBytesMost: number;
}

export type ToSender = { kind: "open"; options: CasterOptions } | { kind: "stop" };
export type FromSender =
  | { kind: "opened"; feedbackPort: number; unicastPort: number }
  | { kind: "stopped"; statistics: CasterStatistics; cost: Cost }
  | { kind: "failed"; message: string };

export type ToReceiver = { kind: "open"; options: ReceiverOptions };
export type FromReceiver =
  | { kind: "ready" }
  | { kind: "progress"; statistics: ReceiverStatistics }
  | { kind: "finished"; root: string; statistics: ReceiverStatistics; cost: Cost }
  | { kind: "failed"; message: string };

export function costSoFar(): Cost {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { processorSeconds: (userCPUTime + systemCPUTime) / 1e6, residentBytesMost: maxRSS * 1024 };
}

export const explain = (error: unknown): string =>
  error instanceof Error
    ? [error.message, "code" in error ? `(${String(error.code)})` : ""].join(" ")
    : String(error);
