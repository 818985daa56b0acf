/** Counts what failed, by address or by account, so that guessing is slow. Bounded in keys and time. */
import { limits } from "../contract/limits.ts";
import { VolleyError } from "../contract/errors.ts";
import { countText } from "./quantities.ts";

export class FailedAttempts {
  readonly #failures = new Map<string, { count: number; endsMs: number }>();
  readonly #most: number;

  constructor(most: number = limits.failedAttempts) {
    this.#most = most;
  }

  /** Throws E_TOO_MANY_ATTEMPTS. Call it before the secret is looked at. */
  check(key: string, nowMs = Date.now()): void {
    const leftMs = this.leftMs(key, nowMs);
    if (leftMs === 0) return;
    throw new VolleyError(
      "E_TOO_MANY_ATTEMPTS",
      `${key} may try again in ${countText(Math.ceil(leftMs / 1000), "second")}.`,
    );
  }

  /** How long the key has to wait; 0 = not at all. */
  leftMs(key: string, nowMs = Date.now()): number {
    const entry = this.#failures.get(key);
    if (entry === undefined || entry.count < this.#most) return 0;
    if (nowMs < entry.endsMs) return entry.endsMs - nowMs;
    this.#failures.delete(key);
    return 0;
  }

  failed(key: string, nowMs = Date.now()): void {
    const entry = this.#failures.get(key);
    if (entry !== undefined && nowMs < entry.endsMs) {
      entry.count += 1;
      return;
    }
    this.#failures.delete(key);
    if (this.#failures.size >= limits.failedAttemptsAddresses) {
      // A Map keeps the order of insertion: the first is the oldest.
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { count: 1, endsMs: nowMs + limits.failedAttemptsSpanMs });
  }
}
