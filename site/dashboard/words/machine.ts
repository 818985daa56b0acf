/** A machine as its tile shows it: every figure in words, so that a tile changes only where its text does. */
import type { MachineRecord, SessionRecord } from "../../../contract/administration.ts";
import type { Progress } from "../../../contract/report.ts";
import { ownLimit } from "../../held-back.ts";
import { bytesText, countText, durationText, percentText, rateText } from "../../quantities.ts";

export type TileState = MachineRecord["state"];

export interface TileFigure {
  label: string;
  value: string;
}

export interface TileText {
  id: string;
  name: string;
  /** Its latest; null: it has none. */
  deploymentId: string | null;
  /** The distribution point that sends to it, or did last; empty while it is in no session. */
  building: string;
  state: TileState;
  /** What it does, in a word or three. */
  stateText: string;
  /** Of a task sequence; empty for an image alone. */
  step: string;
  /** From 0 to 1. */
  part: number;
  line: string;
  figures: readonly TileFigure[];
  /** Where it takes whatever the site sends: that, and why the site sends no faster. */
  pace: string;
  /** Who or what it waits for; else the last it told. */
  wait: string;
  problem: string;
  remedy: string;
}

/** After so long without a word a machine that works is said to be silent. */
const silentAfterMs = 15_000;

const phases: Record<Progress["phase"], string> = {
  preparing: "preparing the disk",
  receiving: "receiving",
  finishing: "finishing",
  done: "done",
  failed: "failed",
};

/** For lists and choices of machines. */
export const stateNames: Record<TileState, string> = {
  failed: "Failed",
  working: "Working",
  planned: "Showing their plan",
  enrolled: "Waiting",
  succeeded: "Done",
};

const states: Record<Exclude<TileState, "working">, string> = {
  enrolled: "waiting",
  planned: "showing its plan",
  succeeded: "done",
  failed: "failed",
};

function stateText({ progress, state }: MachineRecord): string {
  if (state !== "working") return states[state];
  return progress === null ? "starting" : phases[progress.phase];
}

function lineText({ outcome, plan, progress, state }: MachineRecord): string {
  if (state === "succeeded" && outcome !== null) {
    const { multicastBytes, repairedSymbols, seconds, unicastBytes } = outcome;
    const repaired = repairedSymbols > 0 ? `, ${countText(repairedSymbols, "symbol")} repaired` : "";
    const ways = `${bytesText(multicastBytes)} multicast, ${bytesText(unicastBytes)} unicast`;
    return `in ${durationText(seconds)}: ${ways}${repaired}`;
  }
  if (state !== "working" || progress === null) {
    return plan === null ? "" : `${plan.device}, ${bytesText(plan.sizeBytes)}`;
  }
  const left = progress.secondsLeft === null ? "" : `, ${durationText(progress.secondsLeft)} left`;
  const done = `${bytesText(progress.bytesVerified)} of ${bytesText(progress.bytesTotal)}`;
  return `${done}, ${rateText(progress.bytesPerSecond)}${left}`;
}

function figuresOf({ progress, state }: MachineRecord): TileFigure[] {
  if (state !== "working" || progress === null) return [];
  const { diskBytesPerSecond, lossPart, unicastBytes } = progress;
  return [
    ...(diskBytesPerSecond === undefined ? [] : [{ label: "Disk", value: rateText(diskBytesPerSecond) }]),
    ...(lossPart === undefined ? [] : [{ label: "Loss", value: percentText(lossPart) }]),
    ...(unicastBytes === 0 ? [] : [{ label: "Unicast", value: bytesText(unicastBytes) }]),
  ];
}

function stepText({ state, step }: MachineRecord): string {
  if (!step || state === "succeeded") return "";
  return step.total > 0 ? `Step ${step.number} of ${step.total}: ${step.name}` : step.name;
}

function partOf({ progress, state }: MachineRecord): number {
  if (state === "succeeded") return 1;
  if (progress === null || progress.bytesTotal === 0) return 0;
  return progress.bytesVerified / progress.bytesTotal;
}

function waitOf(machine: MachineRecord, now: number, moved: string): string {
  if (machine.state !== "working") return machine.notice;
  const silentMs = now - Date.parse(machine.lastSeen);
  if (silentMs > silentAfterMs) return `Silent for ${durationText(silentMs / 1000)}.`;
  const { progress } = machine;
  const own = ownLimit(machine);
  const held = own === "" ? "" : `Held back by ${own}.`;
  return moved || progress?.waitingFor || held || machine.notice;
}

/** What sessions say of a machine. */
export interface SessionFacts {
  /** As movedTexts and paceText say it. */
  moved: string;
  pace: string;
  building: string;
}

/** `now`: the site's clock in milliseconds. */
export function tileOf(
  machine: MachineRecord,
  now: number,
  { building, moved, pace }: SessionFacts,
): TileText {
  const { deploymentId, error, facts, id, state } = machine;
  return {
    id,
    name: facts.name,
    deploymentId,
    building,
    state,
    stateText: stateText(machine),
    step: stepText(machine),
    part: partOf(machine),
    line: lineText(machine),
    figures: figuresOf(machine),
    pace: pace === "" ? "" : `At ${pace}.`,
    wait: waitOf(machine, now, moved),
    problem: error === null ? "" : `${error.code}: ${error.detail}`,
    remedy: error?.remedy ?? "",
  };
}

/** What the building of the site itself is called. */
export const siteBuilding = "the site";

export function buildingOf(session: SessionRecord | undefined): string {
  return session === undefined ? "" : (session.point ?? siteBuilding);
}

/** Machine 2 before machine 10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;
