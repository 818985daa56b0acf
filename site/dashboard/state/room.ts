/**
 * What goes on, as views see it. Each state from the site is whole; here it is taken apart, so that what is on the page
 * changes only where its text does, and at most a slice of the tiles in one frame: a room of 500 stays smooth.
 */
import { batch, computed, signal, type Signal } from "@preact/signals";
import type {
  DeploymentRecord,
  ImageRecord,
  MachineRecord,
  SessionRecord,
} from "../../../contract/administration.ts";
import type { PointRecord } from "../../../contract/point.ts";
import type { Room } from "../../../contract/room.ts";
import type { WaitingSession } from "../../../contract/waiting.ts";
import { movedTexts, paceText } from "../../held-back.ts";
import { buildingOf, byName, tileOf, type TileState, type TileText } from "../words/machine.ts";
import { takeRates } from "./rates.ts";
import { countText } from "../../quantities.ts";

/** Tiles that are brought up to date in one frame. */
const sliceLength = 40;

/** Why what is shown is old; empty while the site answers. */
export const away = signal("");
/** Whether a first state has come. */
export const isKnown = signal(false);
export const sessions = signal<readonly SessionRecord[]>([]);
export const waiting = signal<readonly WaitingSession[]>([]);
export const deployments = signal<readonly DeploymentRecord[]>([]);
/** Their names, by identifier. */
export const deploymentNames = computed(() => new Map(deployments.value.map(({ id, name }) => [id, name])));
export const images = signal<readonly ImageRecord[]>([]);
export const points = signal<readonly PointRecord[]>([]);
/** Another number when devices or collections are others than before. */
export const devicesRevision = signal(0);

export type RosterEntry = Pick<TileText, "id" | "name" | "deploymentId" | "building" | "state">;
/** Every machine that has a tile, by name. */
export const roster = signal<readonly RosterEntry[]>([]);

export const counts = computed(() => {
  const found: Record<TileState, number> = { enrolled: 0, planned: 0, working: 0, succeeded: 0, failed: 0 };
  for (const { state } of roster.value) found[state] += 1;
  return found;
});
export const countsText = computed(() => {
  if (!isKnown.value) return "";
  const { failed, succeeded, working } = counts.value;
  const bad = failed > 0 ? `, ${failed} failed` : "";
  return `${countText(roster.value.length, "machine")}: ${working} working, ${succeeded} done${bad}`;
});

const tiles = new Map<string, Signal<TileText>>();
const records = new Map<string, MachineRecord>();

/** The text of a machine of the roster. */
export function tileSignal(id: string): Signal<TileText> {
  const found = tiles.get(id);
  if (found === undefined) throw new Error(`${id} is not in the roster`);
  return found;
}

const seen = new Map<string, Signal<string>>();

/** When a machine was heard of last, for who shows that: tiles do not. */
export function seenSignal(id: string): Signal<string> {
  const found = seen.get(id) ?? signal(records.get(id)?.lastSeen ?? "");
  seen.set(id, found);
  return found;
}

/** As it was last heard; read without following it. */
export function machineRecord(id: string | null): MachineRecord | undefined {
  return id === null ? undefined : records.get(id);
}

let moved = new Map<string, string>();
let sessionsById = new Map<string, SessionRecord>();
/** The site's clock less this page's, in milliseconds. */
let ahead = 0;
/** Machines whose tiles are older than what was heard. */
const stale = new Set<string>();
let isSliceAsked = false;

/** Takes a list only where it says something else than before, so that who follows it is left alone. */
function take<Value>(target: Signal<Value>, value: Value): void {
  if (JSON.stringify(target.peek()) !== JSON.stringify(value)) target.value = value;
}

export function takeRoom(room: Room): void {
  ahead = Date.parse(room.time) - Date.now();
  moved = movedTexts(room.sessions);
  sessionsById = new Map(room.sessions.map((session) => [session.id, session]));
  const present = new Set(room.machines.map(({ id }) => id));
  for (const machine of room.machines) {
    records.set(machine.id, machine);
    stale.add(machine.id);
  }
  batch(() => {
    take(sessions, room.sessions);
    take(waiting, room.waiting);
    take(deployments, room.deployments);
    take(images, room.images);
    take(points, room.points);
    devicesRevision.value = room.devicesRevision;
    isKnown.value = true;
    const gone = [...records.keys()].filter((id) => !present.has(id));
    if (gone.length > 0) forget(gone);
  });
  askForSlice();
}

function forget(ids: readonly string[]): void {
  for (const id of ids) {
    records.delete(id);
    tiles.delete(id);
    seen.delete(id);
    stale.delete(id);
  }
  const left = new Set(ids);
  roster.value = roster.value.filter(({ id }) => !left.has(id));
}

/** A hidden page draws no frames, and is brought up to date when it is looked at again. */
function askForSlice(): void {
  if (isSliceAsked || stale.size === 0) return;
  isSliceAsked = true;
  requestAnimationFrame(() => {
    isSliceAsked = false;
    batch(takeSlice);
    askForSlice();
  });
}

function entryOf({ building, deploymentId, id, name, state }: TileText): RosterEntry {
  return { id, name, deploymentId, building, state };
}

function takeSlice(): void {
  const now = Date.now() + ahead;
  const changed = new Map<string, RosterEntry>();
  let taken = 0;
  for (const id of stale) {
    if (taken === sliceLength) break;
    taken += 1;
    stale.delete(id);
    const machine = records.get(id);
    if (machine === undefined) continue;
    const heard = seen.get(id);
    if (heard !== undefined) heard.value = machine.lastSeen;
    const building = buildingOf(sessionsById.get(machine.progress?.sessionId ?? ""));
    const pace = paceText(machine, sessionsById);
    const text = tileOf(machine, now, { building, moved: moved.get(id) ?? "", pace });
    const known = tiles.get(id);
    const before = known?.peek();
    if (known === undefined) tiles.set(id, signal(text));
    else if (JSON.stringify(before) !== JSON.stringify(text)) known.value = text;
    const entry = entryOf(text);
    if (before === undefined || JSON.stringify(entryOf(before)) !== JSON.stringify(entry)) {
      changed.set(id, entry);
    }
  }
  if (changed.size === 0) return;
  const kept = roster.value.filter(({ id }) => !changed.has(id));
  roster.value = [...kept, ...changed.values()].sort(
    (one, other) => byName(one.name, other.name) || byName(one.id, other.id),
  );
}

/** Nothing comes while nothing changes, but silence itself is worth showing. */
function look(): void {
  takeRates(sessions.peek());
  if (away.peek() !== "") return;
  for (const [id, { state }] of records) if (state === "working") stale.add(id);
  askForSlice();
}
setInterval(look, 1000);
