/** The sessions that are cast now, by what is asked for them. */
import { limits } from "../../contract/limits.ts";
import type { StoredSession } from "../store/sessions.ts";
import type { LiveSession } from "./live-session.ts";
import type { CastWish } from "./session-opener.ts";

/** One image of one deployment, in whatever streams. */
export function castingOf({
  deploymentId,
  imageId,
}: Pick<StoredSession, "deploymentId" | "imageId">): string {
  return `${deploymentId} ${imageId}`;
}

export class LiveSessions {
  readonly #byId = new Map<string, LiveSession>();

  get size(): number {
    return this.#byId.size;
  }

  get all(): LiveSession[] {
    return [...this.#byId.values()];
  }

  get(id: string): LiveSession | undefined {
    return this.#byId.get(id);
  }

  add(session: LiveSession): void {
    this.#byId.set(session.stored.id, session);
  }

  remove(id: string): void {
    this.#byId.delete(id);
  }

  ofDeployment(deploymentId: string): LiveSession[] {
    return this.all.filter(({ stored }) => stored.deploymentId === deploymentId);
  }

  /** See `castingOf`. */
  ofCasting(casting: string): LiveSession[] {
    return this.all.filter(({ stored }) => castingOf(stored) === casting);
  }

  find({ deployment, imageId, stream }: CastWish): LiveSession | undefined {
    const casting = castingOf({ deploymentId: deployment.id, imageId });
    return this.ofCasting(casting).find(({ stored }) => stored.stream === stream);
  }

  /** How often each machine is to tell its progress, so that all of them together are no more than the site can hear. */
  get progressIntervalMs(): number {
    let machines = 0;
    for (const session of this.#byId.values()) machines += session.machines.size;
    const wantedMs = (machines / limits.progressPerSecondMost) * 1000;
    return Math.ceil(Math.min(Math.max(wantedMs, limits.progressIntervalMs), limits.progressIntervalMostMs));
  }

  /** Machines at work in any. */
  served(): Set<string> {
    const served = new Set<string>();
    for (const { machines } of this.all) {
      for (const [id, { finished }] of machines) if (!finished) served.add(id);
    }
    return served;
  }
}
