/** Quantities as people read them. */
import type { DeploymentMachine } from "../contract/administration.ts";
import type { KeptState } from "../contract/sequence.ts";

const units = ["B", "KB", "MB", "GB", "TB", "PB"];

/** 7.2 GB, in powers of 1000. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 1 machine, 2 machines: of a noun whose plural has an "s" and no more. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** 1 machine is, 2 machines are. */
export function countIsText(count: number, noun: string): string {
  return `${countText(count, noun)} ${count === 1 ? "is" : "are"}`;
}

export function rateText(bytesPerSecond: number): string {
  return `${bytesText(bytesPerSecond)}/s`;
}

/** 1:58, or 2:01:58. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Of a part from 0 to 1. */
export function percentText(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** UTC, to the second. */
export function timeText(time: string | null): string {
  return time === null ? "never" : time.slice(0, 19).replace("T", " ");
}

/** UTC, to the minute. */
export function minuteText(time: string | null): string {
  return time === null ? "never" : time.slice(0, 16).replace("T", " ");
}

/** The first names, and how many more there are. */
export function namesText(all: readonly string[], shown = 10): string {
  const more = all.length - shown;
  return all.slice(0, shown).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** What a site keeps of a machine's users' files. */
export function keptStateText({ kept }: KeptState): string {
  if (kept === null) return "The site keeps nothing of its users' files.";
  const size = `${bytesText(kept.bytes)} of its users' files, encrypted`;
  if (kept.expires === null) return `${size}: not brought back yet, and kept until they are.`;
  return `${size}: brought back, and kept until ${minuteText(kept.expires)} UTC.`;
}

/** Why a machine failed in a deployment, how long it took, or what it told last. */
export function resultText({ error, notice, outcome, state }: DeploymentMachine): string {
  if (state === "failed" && error !== null) return `${error.code}: ${error.detail} ${error.remedy}`;
  if (state === "succeeded" && outcome !== null) return `in ${durationText(outcome.seconds)}`;
  return notice;
}
