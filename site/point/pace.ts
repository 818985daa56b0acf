/** When a distribution point may fetch content, and how much of it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Replication } from "../../contract/point.ts";

const lookMs = 1000;

/** What a pace waits by. */
export interface PaceClock {
  now(): Date;
  /** Rejects when `signal` fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const systemClock: PaceClock = {
  now: () => new Date(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

export class Pace {
  readonly #current: () => Replication;
  readonly #clock: PaceClock;
  /** Before that nothing more is fetched. */
  #nextMs = 0;

  /** `current`: read each time. */
  constructor(current: () => Replication, clock = systemClock) {
    this.#current = current;
    this.#clock = clock;
  }

  /** Waits until so many bytes more may come. Rejects when `signal` fires. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const clock = this.#clock;
    // In the time zone of the process, as people there see it.
    while (!isWithinHours(this.#current().hours, clock.now().getHours())) {
      await clock.sleep(lookMs, signal);
    }
    const { rateMbps } = this.#current();
    if (rateMbps === 0) return;
    const nowMs = clock.now().getTime();
    // What was not used is not saved up: it would come as a burst that the line has no room for.
    const beginsMs = Math.max(this.#nextMs, nowMs);
    this.#nextMs = beginsMs + (bytes * 8) / (rateMbps * 1000);
    if (beginsMs > nowMs) await clock.sleep(beginsMs - nowMs, signal);
  }
}

/** `hour`: of the clock, 0 to 23. One that begins and ends at the same hour is the whole day. */
export function isWithinHours(hours: Replication["hours"], hour: number): boolean {
  if (hours === null) return true;
  const { from, to } = hours;
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}
