/** Notices by which way the image comes, and says so when that changes. */
import type { ReceiverStatistics } from "../../native/index.ts";

type Way = "unknown" | "multicast" | "unicast";

/** A sentence each time the way changes; null otherwise. */
export class PathWatch {
  #way: Way = "unknown";
  #moved = false;
  #unicastBytes = 0;
  readonly #multicastWanted: boolean;
  readonly #unicastServed: boolean;

  constructor(options: { multicastWanted: boolean; unicastServed: boolean }) {
    this.#multicastWanted = options.multicastWanted;
    this.#unicastServed = options.unicastServed;
  }

  look(statistics: ReceiverStatistics): string | null {
    const byUnicast = statistics.unicastBytes > this.#unicastBytes;
    this.#unicastBytes = statistics.unicastBytes;
    if (!this.#multicastWanted) return null;
    if (statistics.moved && !this.#moved) {
      this.#moved = true;
      this.#way = "unicast";
      return this.#unicastServed
        ? "The site has moved this machine to unicast: it lacked more than multicast can repair"
        : "This machine lacked more than multicast can repair: it waits for what is sent to the others";
    }
    if (statistics.moved) return null;
    if (statistics.multicastAlive && this.#way !== "multicast") {
      const back = this.#way === "unicast";
      this.#way = "multicast";
      return back ? "Multicast is back" : null;
    }
    // A sender with nothing to say is silent; only who fetches elsewhere has really left it.
    if (!statistics.multicastAlive && byUnicast && this.#way !== "unicast") {
      const never = this.#way === "unknown";
      this.#way = "unicast";
      return never
        ? "No multicast arrives here; the image is fetched by unicast"
        : "Multicast has fallen silent; what is lacking is fetched by unicast";
    }
    return null;
  }
}
