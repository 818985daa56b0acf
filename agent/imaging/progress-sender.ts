/** Tells the site how far the work is: the latest only, one request at a time, never waited for. */
import { toVolleyError, type VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Progress, ProgressAnswer } from "../../contract/report.ts";
import { backOffMs } from "../back-off.ts";

export interface ProgressSenderOptions {
  /** One try. */
  send(progress: Progress): Promise<ProgressAnswer>;
  /** The JoinAnswer's. */
  senderAddress?: string | undefined;
  /** The site has moved this machine to unicast. Called at most once, with its reason. */
  onMoved(reason: string): void;
  /** The session is not the site's any more, or not for this machine. Called at most once. */
  onRejoin(reason: string): void;
  /** E_TOO_SLOW: the site goes on without this machine. Called at most once. */
  onOut(failure: VolleyError): void;
  /** Called at the first failure after a success (or start) with it, and with null at the first success after. */
  onReachable(failure: VolleyError | null): void;
  now?: () => number;
}

const farewellMs = 2 * limits.progressIntervalMs;
/** Between tries while the site is away: a person who looks should soon see that it is back. */
const slowestMs = 4 * limits.progressIntervalMs;

export class ProgressSender {
  readonly #options: ProgressSenderOptions;
  readonly #now: () => number;
  #inFlight: Promise<void> | null = null;
  #nextAt = 0;
  #failures = 0;
  #ended = false;
  #moved = false;

  constructor(options: ProgressSenderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Sends it if it is time and nothing is on its way; forgets it otherwise, since the next is newer. */
  offer(progress: Progress): void {
    if (this.#ended || this.#inFlight !== null || this.#now() < this.#nextAt) return;
    this.#inFlight = this.#send(progress).finally(() => {
      this.#inFlight = null;
    });
  }

  /** One last try, after the request on its way, in bounded time; only `onReachable` may still be called. */
  async farewell(progress: Progress): Promise<void> {
    this.#ended = true;
    const last = async (): Promise<void> => {
      await this.#inFlight;
      await this.#options.send(progress);
      if (this.#failures > 0) this.#options.onReachable(null);
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, farewellMs);
    });
    // What counts is in the outbox; this only spares the site's page a stale line.
    await Promise.race([last().catch(() => {}), late]);
    clearTimeout(timer);
  }

  end(): void {
    this.#ended = true;
  }

  async #send(progress: Progress): Promise<void> {
    const beganMs = this.#now();
    this.#nextAt = beganMs + limits.progressIntervalMs;
    try {
      const answer = await this.#options.send(progress);
      if (this.#ended) return;
      if (answer.nextAfterMs !== undefined) this.#nextAt = beganMs + answer.nextAfterMs;
      if (this.#failures > 0) this.#options.onReachable(null);
      this.#failures = 0;
      this.#take(answer);
    } catch (error) {
      if (this.#ended) return;
      this.#fail(toVolleyError(error));
    }
  }

  #take({ moved, next, senderAddress }: ProgressAnswer): void {
    // Whoever casts the session has ended, and another goes on with it elsewhere.
    if (senderAddress !== this.#options.senderAddress) {
      return this.#rejoin("Another process of the site casts the session now");
    }
    if (next === "rejoin") {
      const another = `The site has moved this machine to another stream. ${moved}`;
      this.#rejoin(moved === "" ? "The site has begun a new session" : another);
      return;
    }
    if (moved !== "" && !this.#moved) this.#options.onMoved(moved);
    this.#moved = moved !== "";
  }

  #fail(failure: VolleyError): void {
    if (failure.code === "E_TOO_SLOW") {
      this.#ended = true;
      this.#options.onOut(failure);
      return;
    }
    if (failure.code === "E_SESSION_GONE" || failure.code === "E_NOT_FOUND") {
      this.#rejoin("The site has closed the session");
      return;
    }
    this.#failures += 1;
    if (this.#failures === 1) this.#options.onReachable(failure);
    this.#nextAt =
      this.#now() + Math.max(limits.progressIntervalMs, Math.min(backOffMs(this.#failures), slowestMs));
  }

  #rejoin(reason: string): void {
    this.#ended = true;
    this.#options.onRejoin(reason);
  }
}
