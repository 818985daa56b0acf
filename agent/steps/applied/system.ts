/**
 * Which operating system an image brought. What was found stands in read-only variables, so that it holds after a
 * restart: the letter of its volume, and that it is a Linux.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DiskFacts } from "../../platform/platform.ts";
import { codes } from "../codes.ts";
import { readPartitions, type PartitionFound } from "../partitioning/read-table.ts";
import { setOutput, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { dropLetter, isLinux, mountVolume, nextLetter, setLetter, unmountVolume } from "../volumes.ts";

const linuxVariable = "_VolleyTargetLinux";
/** What an operating system's own volume may be formatted with. */
const systemFileSystems = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "ntfs"]);
/** Where the agent and its state are put: an applied Linux has to have these on the volume of its root. */
const placesNeeded = new Set(["/etc", "/usr", "/usr/local", "/var", "/var/lib"]);

export interface AppliedSystem {
  kind: "linux" | "windows";
  partition: PartitionFound;
  /** "C". */
  letter: string;
}

/** Looks through the volumes of a disk that was just written, and notes what it finds for the steps that follow. */
export async function findAppliedSystem(
  context: StepContext,
  disk: DiskFacts,
): Promise<AppliedSystem | null> {
  forgetAppliedSystem(context);
  const { partitions } = await readPartitions(context, disk.path);
  for (const partition of partitions) {
    if (!systemFileSystems.has(partition.fileSystem)) continue;
    const letter = nextLetter(context);
    setLetter(context, letter, disk, partition.number);
    const kind = await kindOf(context, letter);
    if (kind === null) {
      await unmountVolume(context, letter);
      dropLetter(context, letter);
      continue;
    }
    if (kind === "windows") noteAppliedWindows(context, letter);
    else {
      context.variables.set("OSDTargetSystemDrive", `${letter}:`);
      setOutput(context, linuxVariable, `${letter}:`);
    }
    return { kind, partition, letter };
  }
  return null;
}

/** For the steps that follow. */
export function noteAppliedWindows({ variables }: StepContext, letter: string): void {
  variables.set("OSDTargetSystemDrive", `${letter}:`);
  variables.set("OSDTargetSystemRoot", `${letter}:\\Windows`);
}

/** Before another image is applied. */
export function forgetAppliedSystem(context: StepContext): void {
  setOutput(context, linuxVariable, "");
  for (const name of ["OSDTargetSystemDrive", "OSDTargetSystemRoot"]) context.variables.set(name, "");
}

/** Null also for a volume that this system cannot mount, which is said. */
async function kindOf(context: StepContext, letter: string): Promise<AppliedSystem["kind"] | null> {
  let folder: string;
  try {
    folder = await mountVolume(context, letter);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    context.log.warning(`A volume is left out: ${error.message}`);
    return null;
  }
  if (existsSync(join(folder, "Windows/System32/ntoskrnl.exe"))) return "windows";
  const names = ["etc/os-release", "usr/lib/os-release"];
  const isSystem = names.some((name) => existsSync(join(folder, name))) && existsSync(join(folder, "usr"));
  return isSystem ? "linux" : null;
}

/**
 * The folder at which the root of the applied Linux is mounted; null when what was applied is no Linux. Throws StepFailure
 * when parts of it that steps change are on volumes of their own.
 */
export async function appliedLinux(context: StepContext): Promise<string | null> {
  const drive = context.variables.get(linuxVariable);
  if (drive === "" || !isLinux(context)) return null;
  const root = await mountVolume(context, drive.slice(0, 1));
  const table = await readFile(join(root, "etc/fstab"), "utf8").catch(() => "");
  for (const line of table.split("\n")) {
    const place = line.trim().startsWith("#") ? undefined : line.trim().split(/\s+/)[1];
    if (place !== undefined && placesNeeded.has(place)) {
      const text = `The applied Linux keeps ${place} on a volume of its own, which this step does not look for`;
      throw new StepFailure(codes.notSupported, text);
    }
  }
  return root;
}
