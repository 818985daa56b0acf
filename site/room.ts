/**
 * What goes on, for whoever watches: the store's rows, the sessions' figures and the machines' latest progress,
 * put together at most four times a second and only when something changed.
 */
import type {
  DeploymentRecord,
  ImageRecord,
  MachineRecord,
  SessionRecord,
} from "../contract/administration.ts";
import { VolleyError, toVolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { PointRecord } from "../contract/point.ts";
import type { Progress, RunningStep } from "../contract/report.ts";
import type { Room } from "../contract/room.ts";
import type { WaitingSession } from "../contract/waiting.ts";
import type { Log } from "./log.ts";
import type { StoredPoint } from "./store/points.ts";
import type { Store } from "./store/store.ts";
import { Turns } from "./turns.ts";

export type RoomPart = "machines" | "deployments" | "images" | "points" | "devices" | "figures";
/** Takes a state as JSON; answers false when it is too far behind to be given more now. */
export interface Watcher {
  show(room: string): void;
  isBehind(): boolean;
  end(): void;
}
export interface RoomOptions {
  store: Store;
  sessions: () => SessionRecord[];
  waiting: () => Promise<WaitingSession[]>;
  /** A distribution point elsewhere with what it told last. */
  point: (stored: StoredPoint) => PointRecord;
  log: Log;
}

const saveSeenMs = 30_000;

export class RoomBoard {
  readonly #options: RoomOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #progress = new Map<string, { deploymentId: string; progress: Progress }>();
  readonly #steps = new Map<string, { deploymentId: string; step: RunningStep }>();
  readonly #seen = new Map<string, string>();
  readonly #unsaved = new Set<string>();
  /** As they were last read, in their order. */
  #machines = new Map<string, MachineRecord>();
  /** Which of them have changed since: a room at work tells of some with each look. */
  #changed: Set<string> | "all" = "all";
  readonly #reading = new Turns();
  #deployments: DeploymentRecord[] | null = null;
  #images: ImageRecord[] | null = null;
  #points: StoredPoint[] | null = null;
  /** After the site was started anew it is none that a page has seen. */
  #devicesRevision = Date.now();
  #dirty = true;
  #showing = false;
  /** The last state that was shown, but for its time. */
  #shown = "";
  /** Before that nothing more is shown: putting a large room together is not to be most of what the site does. */
  #notBeforeMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #saveTimer: NodeJS.Timeout | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), limits.roomIntervalMs);
    this.#saveTimer = setInterval(() => void this.#saveSeen(), saveSeenMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#saveTimer);
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
    await this.#saveSeen();
  }

  /** `machineId`: of the machines that one alone. */
  changed(part: RoomPart, machineId?: string): void {
    if (part === "machines") this.#note(machineId === undefined ? "all" : [machineId]);
    if (part === "deployments") this.#deployments = null;
    if (part === "images") this.#images = null;
    // Points that take every image have others then.
    if (part === "points" || part === "images") this.#points = null;
    if (part === "devices") this.#devicesRevision += 1;
    this.#dirty = true;
  }

  saw(machineId: string): void {
    this.#seen.set(machineId, new Date().toISOString());
    this.#unsaved.add(machineId);
    this.#dirty = true;
  }

  /** Whether it spoke to this process a moment ago. */
  isAlive(machineId: string): boolean {
    const seen = this.#seen.get(machineId);
    return seen !== undefined && Date.now() - Date.parse(seen) < limits.machineAliveMs;
  }

  progressed(machineId: string, deploymentId: string, progress: Progress): void {
    this.#progress.set(machineId, { deploymentId, progress });
    this.saw(machineId);
  }

  atStep(machineId: string, deploymentId: string, step: RunningStep): void {
    this.#steps.set(machineId, { deploymentId, step });
    this.saw(machineId);
  }

  /** Answers the state to begin with; later ones are shown. Throws E_CONFLICT when too many watch. */
  async watch(watcher: Watcher): Promise<string> {
    if (this.#watchers.size >= limits.roomSubscribers) {
      throw new VolleyError("E_CONFLICT", `${limits.roomSubscribers} pages are open, which is the most.`);
    }
    const first = JSON.stringify(await this.snapshot());
    this.#watchers.add(watcher);
    return first;
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  async snapshot(): Promise<Room> {
    return {
      time: new Date().toISOString(),
      sessions: this.#options.sessions(),
      waiting: await this.waiting(),
      machines: await this.machines(),
      deployments: (this.#deployments ??= await this.#options.store.deployments.list()),
      images: (this.#images ??= await this.#options.store.images.list()),
      points: (this.#points ??= await this.#options.store.points.list()).map(this.#options.point),
      devicesRevision: this.#devicesRevision,
    };
  }

  waiting(): Promise<WaitingSession[]> {
    return this.#options.waiting();
  }

  async machines(): Promise<MachineRecord[]> {
    await this.#reading.take(() => this.#read());
    return [...this.#machines.values()].map((machine) => {
      const latest = this.#progress.get(machine.id);
      const progress = latest?.deploymentId === machine.deploymentId ? latest.progress : null;
      const at = this.#steps.get(machine.id);
      const step = at?.deploymentId === machine.deploymentId ? at.step : null;
      return { ...machine, progress, step, lastSeen: this.#seen.get(machine.id) ?? machine.lastSeen };
    });
  }

  #note(ids: Iterable<string> | "all"): void {
    if (ids === "all") this.#changed = "all";
    else if (this.#changed !== "all") for (const id of ids) this.#changed.add(id);
  }

  async #read(): Promise<void> {
    const { store } = this.#options;
    const wanted = this.#changed;
    if (wanted !== "all" && wanted.size === 0) return;
    // What changes while it is read is read once more.
    this.#changed = new Set();
    try {
      const read = await store.machines.list(wanted === "all" ? undefined : [...wanted]);
      if (wanted === "all") this.#machines = new Map();
      for (const machine of read) this.#machines.set(machine.id, machine);
    } catch (error) {
      this.#note(wanted);
      throw error;
    }
  }

  async #tick(): Promise<void> {
    const beginMs = performance.now();
    if (!this.#dirty || this.#watchers.size === 0 || this.#showing || beginMs < this.#notBeforeMs) return;
    this.#dirty = false;
    this.#showing = true;
    try {
      const { time, ...content } = await this.snapshot();
      const shown = JSON.stringify(content);
      if (shown === this.#shown) return;
      this.#shown = shown;
      const text = `{"time":${JSON.stringify(time)},${shown.slice(1)}`;
      for (const watcher of this.#watchers) {
        // Who is behind is shown a later state: each is whole.
        if (watcher.isBehind()) this.#shown = "";
        else watcher.show(text);
      }
      if (this.#shown === "") this.#dirty = true;
    } catch (error) {
      this.#options.log.error(`the live page is not fed: ${toVolleyError(error).detail}`);
    } finally {
      this.#showing = false;
      const endMs = performance.now();
      this.#notBeforeMs = endMs + (endMs - beginMs) * (1 / limits.roomShare - 1);
    }
  }

  async #saveSeen(): Promise<void> {
    const ids = [...this.#unsaved];
    this.#unsaved.clear();
    try {
      await this.#options.store.machines.saw(ids, new Date().toISOString());
    } catch (error) {
      this.#options.log.error(`when machines were seen is not kept: ${toVolleyError(error).detail}`);
    }
  }
}
