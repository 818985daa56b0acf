/** One receiver, from joining a session to the verified disk or to the moment when it has to join again. */
import type { JoinAnswer } from "../../contract/deployment.ts";
import type { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Progress } from "../../contract/report.ts";
import { openReceiver, type Receiver, type ReceiverStatistics } from "../../native/index.ts";
import type { ProgressView } from "../report/transfer-view.ts";
import { BottleneckMeter } from "./bottleneck.ts";
import { capital, type CastingPlace } from "./join.ts";
import { toDeviceFailure } from "./native-failure.ts";
import { PathWatch } from "./path-watch.ts";
import { ProgressSender } from "./progress-sender.ts";
import { bytesTaken, progressOf, RateMeter, viewOf, type Totals } from "./progress.ts";

export interface ReceiveOptions {
  manifest: Buffer;
  /** Path of the disk or file. */
  device: string;
  /** Who casts. */
  place: CastingPlace;
  joined: JoinAnswer;
  /** After so long without a word or a chunk from there it is left; null: never. */
  leaveAfterMs: number | null;
  /** Whether it ends the deployment when that place puts this machine out: the site's word alone does. */
  endsWhenOut: boolean;
  /** IPv4 address of that place, and of the interface by which it is reached. */
  senderAddress: string;
  interfaceAddress: string;
  /** Scan first, then ask for what is lacking. */
  resume: boolean;
  totals: Totals;
  show(view: ProgressView): void;
  /** A sentence that people and the site should read. */
  notice(text: string): void;
  signal: AbortSignal;
}

export type Received =
  | { end: "verified"; root: string; statistics: ReceiverStatistics }
  /** `out`: that place goes on without this machine. */
  | { end: "rejoin"; reason: string; out: boolean; statistics: ReceiverStatistics };

/** Throws what the addon threw as VolleyError, E_CANCELLED when `signal` fired; its threads have ended then. */
export async function receive(options: ReceiveOptions): Promise<Received> {
  const receiver = openReceiver(receiverOptions(options));
  const watch = new ReceiverWatch(options, receiver);
  const abort = (): void => receiver.cancel();
  options.signal.addEventListener("abort", abort, { once: true });
  if (options.signal.aborted) abort();
  const timer = setInterval(() => watch.look(), limits.statisticsIntervalMs);
  try {
    const { root } = await receiver.finished;
    return { end: "verified", root, statistics: await watch.finish("done") };
  } catch (error) {
    const failure = toDeviceFailure(error, options.device);
    const { refusal, rejoinReason } = watch;
    const ownDoing = failure.code === "E_CANCELLED" && !options.signal.aborted;
    if (ownDoing && rejoinReason !== null) {
      return {
        end: "rejoin",
        reason: rejoinReason,
        out: refusal !== null,
        statistics: receiver.statistics(),
      };
    }
    await watch.finish("failed");
    throw (ownDoing ? refusal : null) ?? failure;
  } finally {
    clearInterval(timer);
    options.signal.removeEventListener("abort", abort);
  }
}

function receiverOptions(options: ReceiveOptions): Parameters<typeof openReceiver>[0] {
  const { joined, senderAddress } = options;
  return {
    manifest: options.manifest,
    device: options.device,
    sessionKey: Buffer.from(joined.session.key, "hex"),
    receiverKey: Buffer.from(joined.receiver.key, "hex"),
    receiver: joined.receiver.number,
    session: joined.session.number,
    stream: joined.session.stream,
    group: joined.session.group,
    port: joined.session.port,
    interfaceAddress: options.interfaceAddress,
    feedback: { address: senderAddress, port: joined.feedbackPort },
    unicast: joined.unicastPort === null ? null : { address: senderAddress, port: joined.unicastPort },
    mtu: joined.session.mtu,
    encrypted: joined.session.encrypted,
    groupSize: joined.groupSize,
    askBeforeScan: !options.resume,
    silenceMs: options.place.multicast ? limits.multicastSilenceMs : 0,
    chunkWaitMs: options.place.multicast ? limits.chunkWaitMs : 0,
  };
}

class ReceiverWatch {
  rejoinReason: string | null = null;
  /** Why that place goes on without this machine. */
  refusal: VolleyError | null = null;
  readonly #options: ReceiveOptions;
  readonly #receiver: Receiver;
  readonly #sender: ProgressSender;
  readonly #path: PathWatch;
  readonly #rate = new RateMeter();
  readonly #disk = new RateMeter();
  readonly #bottleneck: BottleneckMeter;
  #siteAway: VolleyError | null = null;
  #advancedAt = Date.now();
  #bytesVerified = -1;

  constructor(options: ReceiveOptions, receiver: Receiver) {
    this.#options = options;
    this.#receiver = receiver;
    this.#path = new PathWatch({
      multicastWanted: options.place.multicast,
      unicastServed: options.joined.unicastPort !== null,
    });
    this.#bottleneck = new BottleneckMeter(options.joined.session.mtu);
    this.#sender = new ProgressSender({
      send: (progress) => options.place.sendProgress(progress),
      senderAddress: options.joined.senderAddress,
      onMoved: (reason) => options.notice(`${this.#caster} has moved this machine to unicast. ${reason}`),
      onRejoin: (reason) => this.#rejoin(reason),
      onOut: (failure) => {
        this.refusal = failure;
        if (options.endsWhenOut) return this.#receiver.cancel();
        this.#rejoin(`${this.#caster} goes on without this machine (${failure.code}: ${failure.detail})`);
      },
      onReachable: (failure) => this.#siteChanged(failure),
    });
  }

  look(): void {
    const statistics = this.#receiver.statistics();
    const now = Date.now();
    this.#rate.add(now, statistics.bytesVerified);
    this.#disk.add(now, bytesTaken(statistics));
    if (statistics.bytesVerified !== this.#bytesVerified || statistics.phase !== "receiving") {
      this.#bytesVerified = statistics.bytesVerified;
      this.#advancedAt = now;
    }
    this.#sayWay(statistics);
    const view = this.#view(statistics, now - this.#advancedAt);
    this.#options.show(view);
    this.#sender.offer(this.#progress(view));
    const quietMs = now - this.#advancedAt;
    const { leaveAfterMs } = this.#options;
    if (this.#siteAway !== null) {
      // Where nobody else casts there is no other session to join, and what still comes may yet complete this one.
      if (leaveAfterMs !== null && quietMs > leaveAfterMs) this.#rejoin(`${this.#caster} is silent`);
    } else if (quietMs > limits.receiverStallMs) {
      this.#rejoin(`Nothing was verified for ${Math.round(limits.receiverStallMs / 1000)} seconds`);
    }
  }

  /** The last statistics, shown and sent: once, without waiting long for the site. */
  async finish(phase: "done" | "failed"): Promise<ReceiverStatistics> {
    const statistics = { ...this.#receiver.statistics(), phase };
    this.#sayWay(statistics);
    const view = this.#view(statistics, 0);
    this.#options.show(view);
    await this.#sender.farewell(this.#progress(view));
    return statistics;
  }

  #sayWay(statistics: ReceiverStatistics): void {
    const said = this.#path.look(statistics);
    if (said !== null) this.#options.notice(said);
  }

  #progress(view: ProgressView): Progress {
    return progressOf(view, this.#options.joined.session.id, {
      lossPart: this.#bottleneck.lossPart,
      diskBytesPerSecond: this.#disk.bytesPerSecond,
    });
  }

  #view(statistics: ReceiverStatistics, quietMs: number): ProgressView {
    const waitingFor = this.#waitingFor(statistics, quietMs);
    return viewOf(statistics, this.#options.totals, {
      bytesPerSecond: this.#rate.bytesPerSecond,
      waitingFor,
      bottleneck: this.#bottleneck.look(statistics, Date.now()),
    });
  }

  #waitingFor(statistics: ReceiverStatistics, quietMs: number): string {
    if (statistics.phase !== "receiving") return "";
    if (this.#siteAway !== null) return `waiting for ${this.#options.place.name}, which does not answer`;
    if (quietMs < limits.multicastSilenceMs / 2) return "";
    return statistics.multicastAlive
      ? "waiting for what is still lacking"
      : "waiting for data: no multicast arrives";
  }

  /** As a sentence begins with it. */
  get #caster(): string {
    return capital(this.#options.place.name);
  }

  #siteChanged(failure: VolleyError | null): void {
    this.#siteAway = failure;
    if (failure === null) this.#advancedAt = Date.now();
    this.#options.notice(
      failure === null
        ? `${this.#caster} answers again`
        : `${this.#caster} does not answer (${failure.detail}); receiving goes on with what still comes`,
    );
  }

  #rejoin(reason: string): void {
    if (this.rejoinReason !== null) return;
    this.rejoinReason = reason;
    this.#sender.end();
    this.#receiver.cancel();
  }
}
