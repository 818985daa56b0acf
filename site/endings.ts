/** What has to be ended of a program that was put together from parts. */
import { toVolleyError } from "../contract/errors.ts";
import type { Log } from "./log.ts";

export class Endings {
  readonly #log: Log;
  readonly #ends: (() => unknown)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  push(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Each once, the last first; what one fails with is logged and keeps none of the others. */
  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) {
      try {
        await end();
      } catch (error) {
        this.#log.error(`ending: ${toVolleyError(error).detail}`);
      }
    }
  }
}
