/** When a distribution point may fetch content, and how much of it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Replication } from "../../contract/point.ts";

const lookMs = 1000;

export class Pace {
  readonly #current: () => Replication;
  /** Before that nothing more is fetched. */
  #nextMs = 0;

  /** `current`: read each time. */
  constructor(current: () => Replication) {
    this.#current = current;
  }

  /** Waits until so many bytes more may come. Rejects when `signal` fires. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    while (!isWithinHours(this.#current().hours, new Date().getHours())) {
      await sleep(lookMs, undefined, { signal });
    }
    const { rateMbps } = this.#current();
    if (rateMbps === 0) return;
    const nowMs = Date.now();
    // What was not used is not saved up: it would come as a burst that the line has no room for.
    const beginsMs = Math.max(this.#nextMs, nowMs);
    this.#nextMs = beginsMs + (bytes * 8) / (rateMbps * 1000);
    if (beginsMs > nowMs) await sleep(beginsMs - nowMs, undefined, { signal });
  }
}

/** `hour`: of the clock, 0 to 23. */
export function isWithinHours(hours: Replication["hours"], hour: number): boolean {
  if (hours === null) return true;
  const { from, to } = hours;
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}
