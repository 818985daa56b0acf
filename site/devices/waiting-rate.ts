/** How fast one address may put computers onto the list of those that wait for approval. Bounded in addresses. */
import { limits } from "../../contract/limits.ts";

const minuteMs = 60_000;

export class WaitingRate {
  readonly #addresses = new Map<string, { count: number; endsMs: number }>();

  /** False when the address has put enough there in this minute; else this one is counted. */
  admits(address: string, nowMs: number): boolean {
    const entry = this.#addresses.get(address);
    if (entry !== undefined && nowMs < entry.endsMs) {
      if (entry.count >= limits.pxeWaitingPerMinute) return false;
      entry.count += 1;
      return true;
    }
    this.#addresses.delete(address);
    // A Map keeps the order of insertion: the first is the oldest.
    const [oldest] = this.#addresses.keys();
    if (oldest !== undefined && this.#addresses.size >= limits.pxeAskedKept) this.#addresses.delete(oldest);
    this.#addresses.set(address, { count: 1, endsMs: nowMs + minuteMs });
    return true;
  }
}
