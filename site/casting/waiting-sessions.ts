/**
 * Scheduled multicast: machines that ask for a session before it has its minimum size, or its start delay has passed, are
 * told to ask again. What waits is a row and no sender, so that nothing is left behind by whoever ends; the delay
 * counts on over a restart of the site, while who asked is known again as soon as it has asked again.
 */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { WaitTold } from "../../contract/waiting.ts";
import type { StoredWait } from "../store/distribution-point.ts";
import type { Store } from "../store/store.ts";
import { countIsText } from "../quantities.ts";

interface Wait extends StoredWait {
  /** When each machine asked last. */
  readonly asked: Map<string, number>;
  /** When any did, or the site began to know of it. */
  lastMs: number;
}

interface Cast {
  deployment: DeploymentRecord;
  imageId: string;
}

export interface WaitingOptions {
  store: Store;
  properties: { readonly current: DistributionPoint };
}

export class WaitingSessions {
  readonly #options: WaitingOptions;
  readonly #waits = new Map<string, Wait>();
  /** Castings whose sender failed under them go on without a second wait, until then. */
  readonly #excused = new Map<string, number>();

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  async load(nowMs: number): Promise<void> {
    for (const stored of await this.#options.store.distributionPoint.waits()) {
      this.#waits.set(keyOf(stored), { ...stored, asked: new Map(), lastMs: nowMs });
    }
  }

  /** A machine asks for a session that is not there. Throws E_SESSION_WAITING until that one may be opened. */
  async check(machineId: string, { deployment, imageId }: Cast, nowMs: number): Promise<void> {
    const { properties, store } = this.#options;
    const { minimumClients, scheduled, startDelayMinutes } = properties.current;
    const key = keyOf({ deploymentId: deployment.id, imageId });
    if (!scheduled || !deployment.multicast || (this.#excused.get(key) ?? 0) > nowMs) return;
    const wait = this.#current(key, nowMs) ?? newWait({ deploymentId: deployment.id, imageId }, nowMs);
    if (!this.#waits.has(key)) {
      this.#waits.set(key, wait);
      await store.distributionPoint.saveWait(wait);
    }
    wait.asked.set(machineId, nowMs);
    wait.lastMs = nowMs;
    const startsMs = Date.parse(wait.firstRequest) + startDelayMinutes * 60_000;
    if (wait.released || wait.asked.size >= minimumClients || nowMs >= startsMs) return;
    throw new VolleyError(
      "E_SESSION_WAITING",
      `${wait.asked.size} of ${countIsText(minimumClients, "machine")} there; the session starts with the last of them, ` +
        `or at ${clock(startsMs)} UTC with those that are there.`,
    );
  }

  /** Its session was opened. */
  async opened({ deployment, imageId }: Cast): Promise<void> {
    const key = keyOf({ deploymentId: deployment.id, imageId });
    this.#excused.delete(key);
    if (this.#waits.delete(key)) {
      await this.#options.store.distributionPoint.removeWait({ deploymentId: deployment.id, imageId });
    }
  }

  /** Its sender failed: its machines ask again, and are not to wait again. */
  excuse(deploymentId: string, imageId: string, nowMs: number): void {
    this.#excused.set(keyOf({ deploymentId, imageId }), nowMs + limits.waitingSilentMs);
  }

  /** Whatever waits of the deployment starts with the next machine that asks. Answers how many sessions that are. */
  async startNow(deploymentId: string, nowMs: number): Promise<number> {
    let started = 0;
    for (const wait of this.#of(deploymentId, nowMs)) {
      wait.released = true;
      await this.#options.store.distributionPoint.saveWait(wait);
      started += 1;
    }
    return started;
  }

  async forget(deploymentId: string): Promise<void> {
    for (const wait of this.#waits.values()) {
      if (wait.deploymentId !== deploymentId) continue;
      this.#waits.delete(keyOf(wait));
      await this.#options.store.distributionPoint.removeWait(wait);
    }
  }

  /** What nobody asks for any more is over. Answers whether anything was. */
  async look(nowMs: number): Promise<boolean> {
    for (const [key, untilMs] of this.#excused) if (untilMs <= nowMs) this.#excused.delete(key);
    let ended = false;
    for (const [key, wait] of this.#waits) {
      if (this.#current(key, nowMs) !== undefined) continue;
      ended = true;
      await this.#options.store.distributionPoint.removeWait(wait);
    }
    return ended;
  }

  get size(): number {
    return this.#waits.size;
  }

  current(nowMs: number): WaitTold[] {
    const { minimumClients, startDelayMinutes } = this.#options.properties.current;
    return [...this.#waits.keys()].flatMap((key) => {
      const wait = this.#current(key, nowMs);
      if (wait === undefined) return [];
      const { asked, deploymentId, firstRequest, imageId, released } = wait;
      const startsAt = new Date(Date.parse(firstRequest) + startDelayMinutes * 60_000).toISOString();
      const present = [...asked.keys()];
      return { deploymentId, imageId, firstRequest, startsAt, minimumClients, present, released };
    });
  }

  #of(deploymentId: string, nowMs: number): Wait[] {
    return [...this.#waits.keys()].flatMap((key) => {
      const wait = this.#current(key, nowMs);
      return wait?.deploymentId === deploymentId ? [wait] : [];
    });
  }

  /** Without those that ask no more; undefined, and forgotten, where all of them are gone. */
  #current(key: string, nowMs: number): Wait | undefined {
    const wait = this.#waits.get(key);
    if (wait === undefined) return undefined;
    for (const [machineId, askedMs] of wait.asked) {
      if (nowMs - askedMs > limits.waitingSilentMs) wait.asked.delete(machineId);
    }
    if (wait.asked.size > 0 || nowMs - wait.lastMs <= limits.waitingSilentMs) return wait;
    this.#waits.delete(key);
    return undefined;
  }
}

function newWait(cast: { deploymentId: string; imageId: string }, nowMs: number): Wait {
  const firstRequest = new Date(nowMs).toISOString();
  return { ...cast, firstRequest, released: false, asked: new Map(), lastMs: nowMs };
}

function keyOf({ deploymentId, imageId }: { deploymentId: string; imageId: string }): string {
  return `${deploymentId} ${imageId}`;
}

/** "10:15:00" */
function clock(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 19);
}
