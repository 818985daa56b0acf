/** Waiting between tries: longer each time, bounded, and spread so that a room does not come back all at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { toVolleyError, VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";

/** Milliseconds before try number `failures` + 1, drawn from the upper half of what that try may wait. */
export function backOffMs(failures: number, random: () => number = Math.random): number {
  const most = Math.min(limits.retryDelayLeastMs * 2 ** Math.min(failures, 20), limits.retryDelayMostMs);
  return Math.round(most * (0.5 + random() / 2));
}

/** Throws E_CANCELLED when `signal` fires first. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch {
    throw cancelled();
  }
}

export function cancelled(): VolleyError {
  return new VolleyError("E_CANCELLED", "Stopped before the work was done");
}

export interface Patience {
  signal: AbortSignal;
  /** How long to go on trying a site that does not answer, from the first failure; one that refuses: less. */
  patienceMs: number;
  /** Called after each failure that is tried again. */
  onWait(error: VolleyError, delayMs: number): void;
}

/** The site says to wait: it knows for what, and a person there can end it. */
export function isToldToWait({ code }: VolleyError): boolean {
  return code === "E_SESSION_WAITING" || code === "E_POINT_FULL";
}

/** Runs `work` until it succeeds; gives up on errors that time does not heal, and when patience ends. */
export async function untilItWorks<Result>(work: () => Promise<Result>, patience: Patience): Promise<Result> {
  let firstFailure: number | null = null;
  for (let failures = 1; ; failures += 1) {
    if (patience.signal.aborted) throw cancelled();
    try {
      return await work();
    } catch (error) {
      const failure = toVolleyError(error);
      if (isToldToWait(failure)) firstFailure = null;
      firstFailure ??= Date.now();
      const away = failure.code === "E_SITE_UNREACHABLE";
      const patienceMs = away ? patience.patienceMs : Math.min(patience.patienceMs, limits.firstContactMs);
      if (failure.entry.retry !== "later" || Date.now() - firstFailure > patienceMs) throw failure;
      const delayMs = backOffMs(failures);
      patience.onWait(failure, delayMs);
      await pause(delayMs, patience.signal);
    }
  }
}
