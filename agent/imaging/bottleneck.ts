/** What holds this machine back while it receives, from the addon's figures. */
import type { Progress } from "../../contract/report.ts";
import type { ReceiverStatistics } from "../../native/index.ts";

export type Bottleneck = Progress["bottleneck"];

/** Chunks that wait for the disk fill three quarters of the room there is for them. */
const diskBehind = 750;
/** A quarter of the socket's buffer, or 25 ms of waiting in it: datagrams are not taken as fast as they come. */
const processorBehind = 250;
/** Of the datagrams of the last seconds: more is no longer a link's usual loss. */
const muchLoss = 0.02;
const windowMs = 3000;

interface Sample {
  timeMs: number;
  receivedBytes: number;
  lostDatagrams: number;
}

export class BottleneckMeter {
  readonly #datagramBytes: number;
  readonly #samples: Sample[] = [];

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
  }

  look(statistics: ReceiverStatistics, timeMs: number): Bottleneck {
    const { lostDatagrams, multicastBytes } = statistics;
    this.#samples.push({ timeMs, receivedBytes: multicastBytes, lostDatagrams });
    while (this.#samples.length > 2 && timeMs - (this.#samples[1]?.timeMs ?? timeMs) >= windowMs) {
      this.#samples.shift();
    }
    if (statistics.phase !== "receiving") return "none";
    if (statistics.diskBacklogPerThousand >= diskBehind) return "disk";
    if (statistics.processorBacklogPerThousand >= processorBehind) return "processor";
    return !statistics.multicastAlive || this.lossPart > muchLoss ? "network" : "site";
  }

  /** Of the last seconds' datagrams; from 0 to 1. */
  get lossPart(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined) return 0;
    const lost = last.lostDatagrams - first.lostDatagrams;
    const received = (last.receivedBytes - first.receivedBytes) / this.#datagramBytes;
    return lost + received <= 0 ? 0 : lost / (lost + received);
  }
}
