/** The Windows a computer has on its disks, seen from a PE. */
import { existsSync } from "node:fs";
import { readPartitions } from "../partitioning/read-table.ts";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import {
  dropLetter,
  findInAnyCase,
  hostPath,
  isLinux,
  mountVolume,
  nextLetter,
  numberedDisks,
  partitionDevice,
  setLetter,
  unmountVolume,
  usedLetters,
  volumeOf,
} from "../volumes.ts";
import { windowsVolumes } from "./volumes.ts";

/** Its folder as the sequence names it: "C:\Windows". A volume that had no letter in a Linux PE gets one. */
export async function findInstalledWindows(context: StepContext): Promise<string> {
  const named = [
    context.variables.get("_OSDDetectedWinDir"),
    context.variables.get("OSDTargetSystemRoot"),
    below(context.variables.get("OSDTargetSystemDrive")),
    ...usedLetters(context).map((letter) => `${letter}:\\Windows`),
  ];
  for (const root of named) {
    if (root !== "" && (await holdsWindows(context, root))) return root;
  }
  const found = isLinux(context) ? await searchDisks(context) : await searchLetters(context);
  if (found !== null) return found;
  throw new StepFailure(codes.notFound, "No Windows was found on the disks of this computer");
}

const below = (drive: string): string => (drive === "" ? "" : `${drive}\\Windows`);

/** X: is the PE's own. */
async function searchLetters(context: StepContext): Promise<string | null> {
  for (const { letter } of await windowsVolumes(context)) {
    const root = `${letter}:\\Windows`;
    if (letter !== "" && letter !== "X" && (await holdsWindows(context, root))) return root;
  }
  return null;
}

async function holdsWindows(context: StepContext, root: string): Promise<boolean> {
  try {
    const folder = await hostPath(context, root);
    return existsSync(await findInAnyCase(folder, ["System32", "config", "SYSTEM"]));
  } catch (error) {
    // A letter whose disk is gone, or a volume that cannot be mounted, holds none.
    if (error instanceof StepFailure) return false;
    throw error;
  }
}

async function searchDisks(context: StepContext): Promise<string | null> {
  const disks = await numberedDisks(context);
  for (const disk of disks) {
    if (disk.systemUses.length > 0) continue;
    const table = await readPartitions(context, disk.path).catch(() => null);
    for (const { device, fileSystem, isData, number } of table?.partitions ?? []) {
      if (!isData || fileSystem !== "ntfs" || device !== partitionDevice(disk.path, number)) continue;
      const letter = nextLetter(context);
      setLetter(context, letter, disk, number);
      if (await holdsWindows(context, `${letter}:\\Windows`)) return `${letter}:\\Windows`;
      await unmountVolume(context, letter);
      dropLetter(context, letter);
    }
  }
  return null;
}

/** The volume a Windows is on, for tools that take the device; it is not mounted afterwards. */
export async function deviceOfWindows(context: StepContext, root: string): Promise<string> {
  const letter = root.slice(0, 1);
  const volume = await volumeOf(context, letter);
  await mountVolume(context, letter);
  await unmountVolume(context, letter);
  return volume.device;
}
