/** What distribution points in other buildings told last: it is theirs, and nothing of it has to outlive this process. */
import type { SessionRecord } from "../contract/administration.ts";
import { limits } from "../contract/limits.ts";
import type { PointImage, PointSync } from "../contract/point.ts";

interface Told {
  name: string;
  sessions: SessionRecord[];
  images: PointImage[];
  atMs: number;
}

export class RemotePoints {
  readonly #told = new Map<string, Told>();

  told(point: { id: string; name: string }, { images, sessions }: PointSync, nowMs = Date.now()): void {
    const named = sessions.map((session) => ({ ...session, point: point.name }));
    this.#told.set(point.id, { name: point.name, sessions: named, images, atMs: nowMs });
  }

  forget(pointId: string): void {
    this.#told.delete(pointId);
  }

  isHere(pointId: string, nowMs = Date.now()): boolean {
    const told = this.#told.get(pointId);
    return told !== undefined && nowMs - told.atMs < limits.pointSilentMs;
  }

  images(pointId: string): PointImage[] {
    return this.#told.get(pointId)?.images ?? [];
  }

  /** Of the points that are there. */
  sessions(nowMs = Date.now()): SessionRecord[] {
    return [...this.#told].flatMap(([id, { sessions }]) => (this.isHere(id, nowMs) ? sessions : []));
  }
}
