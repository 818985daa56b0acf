/** A distribution point's line to its site: tells what goes on, and takes what is to be. It may be down for days. */
import { setTimeout as sleep } from "node:timers/promises";
import { toVolleyError, type VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { PointSyncAnswer, type PointSync } from "../../contract/point.ts";
import type { Progress } from "../../contract/report.ts";
import type { Log } from "../log.ts";

export interface SiteLineOptions {
  client: { post(path: string, body: unknown): Promise<unknown> };
  /** What goes on, but for progress; of what is more than a word may hold the rest is left out. */
  present(): Promise<Omit<PointSync, "progress">>;
  take(answer: PointSyncAnswer): Promise<void>;
  isBusy(): boolean;
  /** The site knows this point no longer. */
  removed(failure: VolleyError): void;
  log: Log;
}

type Told = PointSync["progress"][number];

export class SiteLine {
  readonly #options: SiteLineOptions;
  readonly #ended = new AbortController();
  /** By machine: what the site does not know yet, the latest only. */
  readonly #progress = new Map<string, Told>();
  #running: Promise<void> | null = null;
  #down = false;

  constructor(options: SiteLineOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  progressed(machineId: string, deploymentId: string, progress: Progress): void {
    this.#progress.set(machineId, { machineId, deploymentId, progress });
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#tell();
      const isBusy = this.#progress.size > 0 || this.#options.isBusy();
      const pauseMs = isBusy && !this.#down ? limits.pointSyncMs : limits.pointQuietSyncMs;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #tell(): Promise<void> {
    const { client, log, present, removed, take } = this.#options;
    const progress = [...this.#progress.values()].slice(0, limits.pointProgress);
    try {
      const body: PointSync = { ...fitting(await present()), progress };
      const answer = PointSyncAnswer.parse(await client.post("/point/sync", body));
      for (const told of progress) {
        if (this.#progress.get(told.machineId) === told) this.#progress.delete(told.machineId);
      }
      if (this.#down) log.info("the site answers again");
      this.#down = false;
      await take(answer);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      const failure = toVolleyError(error);
      if (failure.code === "E_NOT_ENROLLED") removed(failure);
      if (!this.#down) log.warn(`the site is not told: ${failure.detail}`);
      this.#down = true;
    }
  }
}

/** The site refuses a longer word, and would hear nothing of the point from then on. Open sessions go before closed ones. */
function fitting(present: Omit<PointSync, "progress">): Omit<PointSync, "progress"> {
  const open = present.sessions.filter(({ end }) => end === null);
  const closed = present.sessions.filter(({ end }) => end !== null);
  return {
    ...present,
    sessions: [...open, ...closed].slice(0, limits.pointSessions),
    waits: present.waits
      .slice(0, limits.pointSessions)
      .map((wait) => ({ ...wait, present: wait.present.slice(0, limits.pointProgress) })),
    deployments: present.deployments.slice(0, limits.pointSessions),
  };
}
