/**
 * Where an image goes: the four choices of "Apply Operating System Image" (next available formatted partition, disk and
 * partition, logical drive, drive letter in a variable), as a volume with a letter.
 */
import type { DiskFacts } from "../../platform/platform.ts";
import { codes } from "../codes.ts";
import { setOutput, StepFailure, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import {
  diskOfIndex,
  driveLetter,
  isLinux,
  nextLetter,
  numberedDisks,
  partitionDevice,
  setLetter,
  usedLetters,
  volumeOf,
} from "../volumes.ts";
import { readPartitions, type PartitionFound } from "../partitioning/read-table.ts";
import { windowsVolumeAt, windowsVolumes } from "../windows/volumes.ts";

export interface Destination {
  /** "C". */
  letter: string;
  /** "/dev/sda3"; on Windows "\\\\.\\C:", for what does not take the letter. */
  device: string;
  /** Linux: the disk and its table; null on Windows. */
  table: {
    disk: string;
    style: "GPT" | "MBR";
    /** As TableFound. */
    diskId: string;
    partition: PartitionFound;
    partitions: PartitionFound[];
  } | null;
}

/** What images were applied to in this run, so that "next available" goes on: "C D". */
const appliedVariable = "_VolleyImageVolumes";

type Wish =
  | { kind: "next" }
  | { kind: "letter"; letter: string }
  | { kind: "partition"; disk: number; partition: number };

export async function findDestination(context: StepContext): Promise<Destination> {
  const wish = readWish(context);
  const destination = isLinux(context)
    ? await findOnLinux(context, wish)
    : windowsDestination(await findOnWindows(context, wish));
  const applied = context.variables.get(appliedVariable).split(" ");
  const all = [...new Set([...applied, destination.letter])].filter((letter) => letter !== "");
  setOutput(context, appliedVariable, all.join(" "));
  return destination;
}

/** For people: what is overwritten. */
export const describeDestination = ({ device, letter, table }: Destination): string =>
  table === null ? `${letter}:` : `${letter}: (${device})`;

/** Null where the system shows none, as for a volume over several disks. */
export async function diskOf(
  context: StepContext,
  { letter, table }: Destination,
): Promise<DiskFacts | null> {
  const found = (await numberedDisks(context)).find(({ partitions, path }) =>
    table === null ? partitions.some((one) => one.letter === letter) : path === table.disk,
  );
  return found ?? null;
}

function readWish(context: StepContext): Wish {
  // MDT's editor keeps the fields of all its choices, and says which of them is meant.
  const choice = context.property("DestinationOSInstallType").toLowerCase();
  if (choice === "nextavailable") return { kind: "next" };
  const isPlace = choice === "bydiskpartition" || choice === "bydriveletter";
  const named = context.property("DestinationVariable") || context.property("DestinationOSVariable");
  const variable = isPlace ? "" : named;
  const byVariable = variable === "" ? "" : context.variables.get(variable);
  if (variable !== "" && byVariable === "") {
    throw new StepFailure(codes.invalidSetting, `Variable ${variable} names no destination`);
  }
  const letterGiven =
    context.property("DestinationLogicalDrive") || context.property("DestinationOSDriveLetter");
  const drive = byVariable || (choice === "bydiskpartition" ? "" : letterGiven);
  const disk = context.property("DestinationDisk");
  const partition = context.property("DestinationPartition");
  // "1,1" in a variable is disk 1, partition 1.
  const pair = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(drive);
  if (pair !== null) return { kind: "partition", disk: Number(pair[1]), partition: Number(pair[2]) };
  const letter = driveLetter(drive.trim());
  if (letter !== null) return { kind: "letter", letter };
  if (drive !== "") throw new StepFailure(codes.invalidSetting, `"${drive}" is no drive and no partition`);
  if (partition === "") return { kind: "next" };
  const bounds = { least: 0, most: 10_000, fallback: 0 };
  return {
    kind: "partition",
    disk: wholeNumber(disk, "The destination's disk", bounds),
    partition: wholeNumber(partition, "The destination's partition", { ...bounds, least: 1 }),
  };
}

async function findOnLinux(context: StepContext, wish: Wish): Promise<Destination> {
  if (wish.kind === "letter") {
    const volume = await volumeOf(context, wish.letter);
    return destinationOf(context, volume.disk.path, volume.partitionNumber, wish.letter);
  }
  if (wish.kind === "partition") {
    const { path } = await diskOfIndex(context, wish.disk);
    return destinationOf(context, path, wish.partition, await letterFor(context, path, wish.partition));
  }
  const used = await usedPlaces(context);
  for (const disk of await numberedDisks(context)) {
    if (disk.systemUses.length > 0) continue;
    const { partitions } = await readPartitions(context, disk.path);
    const free = partitions.filter(
      (one) => one.isData && one.fileSystem === "ntfs" && !used.has(`${disk.path} ${one.number}`),
    );
    // The active partition of an MBR disk holds the boot files when there is another for the system.
    const chosen = free.find((one) => !one.active) ?? free[0];
    if (chosen === undefined) continue;
    const letter = await letterFor(context, disk.path, chosen.number);
    return destinationOf(context, disk.path, chosen.number, letter);
  }
  throw new StepFailure(codes.notFound, "No formatted partition is available that has no image yet");
}

async function destinationOf(
  context: StepContext,
  disk: string,
  number: number,
  letter: string,
): Promise<Destination> {
  const { diskId, partitions, style } = await readPartitions(context, disk);
  const partition = partitions.find((one) => one.number === number);
  if (partition === undefined) {
    throw new StepFailure(codes.notFound, `${disk} has no partition ${number}`);
  }
  const device = partitionDevice(disk, number);
  return { letter, device, table: { disk, style, diskId, partition, partitions } };
}

async function letterFor(context: StepContext, diskPath: string, number: number): Promise<string> {
  for (const letter of usedLetters(context)) {
    const volume = await volumeOf(context, letter).catch(() => null);
    if (volume?.disk.path === diskPath && volume.partitionNumber === number) return letter;
  }
  const disk = (await numberedDisks(context)).find(({ path }) => path === diskPath);
  if (disk === undefined) throw new StepFailure(codes.notFound, `${diskPath} is gone`);
  const letter = nextLetter(context);
  setLetter(context, letter, disk, number);
  return letter;
}

async function usedPlaces(context: StepContext): Promise<Set<string>> {
  const places = new Set<string>();
  for (const letter of context.variables.get(appliedVariable).split(" ")) {
    const volume = letter === "" ? null : await volumeOf(context, letter).catch(() => null);
    if (volume !== null) places.add(`${volume.disk.path} ${volume.partitionNumber}`);
  }
  return places;
}

const windowsDestination = (letter: string): Destination => ({
  letter,
  device: `\\\\.\\${letter}:`,
  table: null,
});

async function findOnWindows(context: StepContext, wish: Wish): Promise<string> {
  if (wish.kind === "letter") return wish.letter;
  if (wish.kind === "partition") return windowsVolumeAt(context, wish.disk, wish.partition);
  const used = new Set([...context.variables.get(appliedVariable).split(" "), "X"]);
  const volumes = await windowsVolumes(context);
  const chosen = volumes.find(
    ({ fileSystem, isSystem, kind, letter }) =>
      letter !== "" && fileSystem === "NTFS" && kind === "Partition" && !isSystem && !used.has(letter),
  );
  if (chosen === undefined) {
    throw new StepFailure(codes.notFound, "No formatted partition is available that has no image yet");
  }
  return chosen.letter;
}
