/** What a run finds of the machine when it begins or goes on, and its variables say. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DiskFacts } from "../platform/platform.ts";
import type { SequenceMachine } from "../platform/sequence-machine.ts";
import { findInAnyCase, partitionDevice } from "../steps/volumes.ts";
import { rollbackMarker } from "../steps/upgrade-operating-system.ts";

interface Variables {
  get(name: string): string;
  set(name: string, value: string, options: { readOnly: boolean }): void;
  names(): string[];
}

/** "Specifies whether Windows Setup performed a rollback operation during an in-place upgrade", by this run. */
export function noteRollback(variables: Variables, work: string): void {
  if (variables.get("_SMSTSSetupRollback") !== "false" || !existsSync(rollbackMarker(work))) return;
  variables.set("_SMSTSSetupRollback", "true", { readOnly: true });
}

/** A volume as the variables of letters name it: "3 serial:…". */
type Place = string;

/**
 * "The task sequence scans the computer's hard drives for a previous operating system installation when Windows PE starts":
 * the volume of the first, on a system without drive letters. Nothing on them changes.
 */
export async function findInstalledVolume(
  disks: readonly DiskFacts[],
  machine: Pick<SequenceMachine, "mountToRead" | "releaseVolumes">,
  work: string,
): Promise<Place | null> {
  const folder = join(work, "detected");
  const volume = join(folder, "volume");
  for (const { identity, kind, partitions, path, removable, systemUses } of disks) {
    if (kind === "virtual" || removable || systemUses.length > 0) continue;
    for (const { fileSystem, name } of partitions) {
      const number = Number(/\d+$/.exec(name)?.[0]);
      if (fileSystem !== "ntfs" || partitionDevice(path, number) !== name) continue;
      try {
        if (!(await machine.mountToRead(name, volume))) continue;
        const hive = await findInAnyCase(volume, ["Windows", "System32", "config", "SYSTEM"]);
        if (existsSync(hive)) return `${number} ${identity}`;
      } finally {
        await machine.releaseVolumes(folder);
      }
    }
  }
  return null;
}

/** With the letter that the sequence has for it, or the first that is free: C: as a rule, as in Windows PE. */
export function noteInstalled(variables: Variables, place: Place): void {
  const letters = new Map(
    variables.names().flatMap((name) => {
      const letter = /^_VolleyVolume([A-Z])$/i.exec(name)?.[1]?.toUpperCase();
      return letter === undefined ? [] : [[letter, variables.get(name)] as const];
    }),
  );
  const given = [...letters].find(([, value]) => value === place)?.[0];
  const letter = given ?? "CDEFGHIJKLMNOPQRSTUVWYZ".split("").find((one) => !letters.has(one));
  if (letter === undefined) return;
  for (const [name, value] of [
    [`_VolleyVolume${letter}`, place],
    ["_OSDDetectedWinDrive", `${letter}:`],
    ["_OSDDetectedWinDir", `${letter}:\\Windows`],
  ] as const) {
    variables.set(name, value, { readOnly: true });
  }
}
