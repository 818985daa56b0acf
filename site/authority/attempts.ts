/** Counts wrong credentials and tokens by address, so that guessing is slow. Bounded in addresses and time. */
import { limits } from "../../contract/limits.ts";
import { VolleyError } from "../../contract/errors.ts";

export class FailedAttempts {
  readonly #failures = new Map<string, { count: number; endsMs: number }>();

  /** Throws E_TOO_MANY_ATTEMPTS. Call it before the secret is looked at. */
  check(address: string, nowMs = Date.now()): void {
    const entry = this.#failures.get(address);
    if (entry === undefined || entry.count < limits.failedAttempts) return;
    if (nowMs >= entry.endsMs) {
      this.#failures.delete(address);
      return;
    }
    const seconds = Math.ceil((entry.endsMs - nowMs) / 1000);
    throw new VolleyError("E_TOO_MANY_ATTEMPTS", `${address} may try again in ${seconds} seconds.`);
  }

  failed(address: string, nowMs = Date.now()): void {
    const entry = this.#failures.get(address);
    if (entry !== undefined && nowMs < entry.endsMs) {
      entry.count += 1;
      return;
    }
    this.#failures.delete(address);
    if (this.#failures.size >= limits.failedAttemptsAddresses) {
      // A Map keeps the order of insertion: the first is the oldest.
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(address, { count: 1, endsMs: nowMs + limits.failedAttemptsSpanMs });
  }
}
