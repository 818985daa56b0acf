/** What the site spends on test multicast: so much in one go, and so much a second in the long run. */
import { limits } from "../../contract/limits.ts";

export class Allowance {
  #bytes: number = limits.doctorBytes;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Takes the bytes, or answers false. What is not `gentle` leaves a part to those who are. */
  take(bytes: number, gentle: boolean, nowMs: number): boolean {
    const backBytes = (Math.max(0, nowMs - this.#atMs) / 1000) * limits.doctorBytesPerSecond;
    this.#bytes = Math.min(limits.doctorBytes, this.#bytes + backBytes);
    this.#atMs = nowMs;
    if (this.#bytes - bytes < (gentle ? 0 : limits.doctorGentleBytes)) return false;
    this.#bytes -= bytes;
    return true;
  }
}
