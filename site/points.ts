/** What distribution points in other buildings told last: it is theirs, and nothing of it has to outlive this process. */
import type { SessionRecord } from "../contract/administration.ts";
import { limits } from "../contract/limits.ts";
import type { PointRecord, PointSync } from "../contract/point.ts";
import type { StoredPoint } from "./store/points.ts";
import type { PlacedWait } from "./waiting-records.ts";

/** How much of an image was there at a time. */
interface Look {
  bytes: number;
  atMs: number;
}

interface Told {
  name: string;
  sessions: SessionRecord[];
  waits: PointSync["waits"];
  images: PointSync["images"];
  encryption: boolean;
  /** By image that is on its way, the oldest look first. */
  looks: Map<string, Look[]>;
  atMs: number;
  /** Runs out when it is silent. */
  silence: NodeJS.Timeout;
}

export class RemotePoints {
  readonly #told = new Map<string, Told>();
  /** By point: deployments that are to start there, until it has told that they do. */
  readonly #starting = new Map<string, Set<string>>();
  readonly #silent: () => void;

  /** `silent` is called when a point that was there is not heard of any more. */
  constructor(silent: () => void = () => undefined) {
    this.#silent = silent;
  }

  told(point: { id: string; name: string }, sync: PointSync, nowMs = Date.now()): void {
    const { encryption, images, sessions, waits } = sync;
    const before = this.#told.get(point.id);
    clearTimeout(before?.silence);
    const looks = new Map<string, Look[]>();
    for (const { bytes, imageId, whole } of images) {
      if (whole) continue;
      const kept = (before?.looks.get(imageId) ?? []).filter(
        (look) => nowMs - look.atMs <= limits.pointRateMs && look.bytes <= bytes,
      );
      looks.set(imageId, [...kept, { bytes, atMs: nowMs }]);
    }
    this.#told.set(point.id, {
      name: point.name,
      sessions: sessions.map((session) => ({ ...session, point: point.name })),
      waits,
      images,
      encryption,
      looks,
      atMs: nowMs,
      silence: setTimeout(this.#silent, limits.pointSilentMs).unref(),
    });
  }

  forget(pointId: string): void {
    clearTimeout(this.#told.get(pointId)?.silence);
    this.#told.delete(pointId);
    this.#starting.delete(pointId);
  }

  /** Whatever waits of the deployment at points starts once they have asked. Answers how many sessions that are. */
  startNow(deploymentId: string): number {
    let started = 0;
    for (const [pointId, { waits }] of this.#told) {
      const wanted = waits.filter((wait) => wait.deploymentId === deploymentId);
      if (wanted.length === 0 || !this.isHere(pointId)) continue;
      this.#starting.set(pointId, (this.#starting.get(pointId) ?? new Set()).add(deploymentId));
      started += wanted.length;
    }
    return started;
  }

  /** What the point is to start, of what it told last: said again with each answer, since one may be lost. */
  toStart(pointId: string): string[] {
    const waits = this.#told.get(pointId)?.waits ?? [];
    const still = new Set(waits.filter(({ released }) => !released).map(({ deploymentId }) => deploymentId));
    const wanted = [...(this.#starting.get(pointId) ?? [])].filter((id) => still.has(id));
    this.#starting.set(pointId, new Set(wanted));
    return wanted;
  }

  isHere(pointId: string, nowMs = Date.now()): boolean {
    const told = this.#told.get(pointId);
    return told !== undefined && nowMs - told.atMs < limits.pointSilentMs;
  }

  /** Whether its version can encrypt sessions; false while it has said nothing. */
  canEncrypt(pointId: string): boolean {
    return this.#told.get(pointId)?.encryption ?? false;
  }

  /** The point with what it told last. */
  record(point: StoredPoint, nowMs = Date.now()): PointRecord {
    const told = this.#told.get(point.id);
    const isHere = this.isHere(point.id, nowMs);
    return {
      ...point,
      lastSeen: told === undefined ? point.lastSeen : new Date(told.atMs).toISOString(),
      here: isHere,
      holding: (told?.images ?? []).map((image) => ({
        ...image,
        bytesPerSecond: isHere ? rateOf(told?.looks.get(image.imageId) ?? []) : 0,
      })),
    };
  }

  /** Of the points that are there. */
  sessions(nowMs = Date.now()): SessionRecord[] {
    return [...this.#told].flatMap(([id, { sessions }]) => (this.isHere(id, nowMs) ? sessions : []));
  }

  /** The same. */
  waits(nowMs = Date.now()): PlacedWait[] {
    return [...this.#told].flatMap(([id, { name, waits }]) =>
      this.isHere(id, nowMs) ? waits.map((wait) => ({ ...wait, point: name })) : [],
    );
  }
}

/** Bytes a second, from the first look to the last. */
function rateOf(looks: readonly Look[]): number {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
}
