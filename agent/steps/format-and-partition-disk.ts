/** Format and Partition Disk: cleans a disk, writes its table, formats its volumes and gives them letters. */
import { randomUUID } from "node:crypto";
import type { DiskFacts } from "../platform/platform.ts";
import { notePartitions } from "./boot-files/partitions-before.ts";
import { codes } from "./codes.ts";
import { describePlan } from "./partitioning/describe.ts";
import { diskpartLines } from "./partitioning/diskpart.ts";
import { planDisk, type DiskPlan } from "./partitioning/plan.ts";
import { readDiskWish } from "./partitioning/settings.ts";
import { formatPartition, writeTable } from "./partitioning/sfdisk.ts";
import { takeDisk } from "./partitioning/take-disk.ts";
import { showPlan } from "./show-plan.ts";
import { real, runOrFail, setOutput, StepFailure, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { keptRoomOf, holdRoom, type KeptRoom } from "./user-state/kept.ts";
import { dropLettersOf, isLinux, nextLetter, setLetter } from "./volumes.ts";
import { recoveryVariable } from "./windows/recovery.ts";
import { runDiskpart } from "./windows/volumes.ts";

const inPeOnly = unsupported("it runs in a PE alone: a running system does not partition its own disk");

export const formatAndPartitionDisk = stepKind({
  type: "PartitionDisk",
  title: "Format and Partition Disk",
  support: { winpe: real, linuxpe: real, windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const wish = readDiskWish(context);
    const disk = await takeDisk(context, wish.diskIndex);
    const sectorBytes = disk.sectorBytes ?? 512;
    const room = isLinux(context) ? await keptRoomOf(context, disk) : null;
    const sizeBytes = sizeBefore(room, { sizeBytes: disk.sizeBytes, sectorBytes });
    const plan = planDisk(wish, { sizeBytes, sectorBytes }, randomUUID);
    await showPlan(context, describePlan(disk, plan));
    if (isLinux(context)) {
      await makeOnLinux(context, disk, plan);
      await holdRoom(context, disk, room);
    } else {
      await notePartitions(context, disk.path);
      await makeOnWindows(context, wish.diskIndex, plan);
    }
    return succeeded(`${disk.path} has ${plan.partitions.length} partitions`);
  },
});

/** As if the disk ended where users' files are kept: a GPT's copy of itself, of 33 sectors, is behind them. */
function sizeBefore(room: KeptRoom | null, disk: { sizeBytes: number; sectorBytes: number }): number {
  if (room === null || room.offset === null) return disk.sizeBytes;
  return Math.min(room.offset + 34 * disk.sectorBytes, disk.sizeBytes);
}

async function makeOnLinux(context: StepContext, disk: DiskFacts, plan: DiskPlan): Promise<void> {
  const device = { path: disk.path, sectorBytes: disk.sectorBytes ?? 512 };
  context.progress(0, `Writing the partition table of ${disk.path}`);
  dropLettersOf(context, disk);
  await notePartitions(context, disk.path);
  await writeTable(context, device, plan);
  for (const [index, partition] of plan.partitions.entries()) {
    context.progress((index + 1) / (plan.partitions.length + 1), `Formatting partition ${partition.number}`);
    await formatPartition(context, device, partition);
  }
  for (const partition of plan.partitions) {
    if (!partition.assignLetter || partition.fileSystem === null) continue;
    const letter = nextLetter(context);
    setLetter(context, letter, disk, partition.number);
    if (partition.letterVariable !== "") context.variables.set(partition.letterVariable, `${letter}:`);
  }
}

/** On Windows the letters are the system's; the environment keeps them too, for the destination of an image. */
async function makeOnWindows(context: StepContext, index: number, plan: DiskPlan): Promise<void> {
  await runDiskpart(context, `clean disk ${index}`, [`select disk ${index}`, "clean"]);
  const letters = new Map<number, string>();
  const free = await freeLetters(context);
  for (const { assignLetter, fileSystem, number } of plan.partitions) {
    if (!assignLetter || fileSystem === null) continue;
    const letter = free.shift();
    if (letter === undefined) throw new StepFailure(codes.notFound, "No drive letter is free");
    letters.set(number, letter);
  }
  await runDiskpart(context, `partition disk ${index}`, diskpartLines(index, plan, letters));
  const recovery = plan.partitions.find(
    ({ fileSystem, type }) => type === "RECOVERY" && fileSystem === "NTFS",
  );
  setOutput(context, recoveryVariable, recovery === undefined ? "" : `${index},${recovery.number}`);
  for (const { letterVariable, number } of plan.partitions) {
    const letter = letters.get(number);
    if (letter !== undefined && letterVariable !== "") context.variables.set(letterVariable, `${letter}:`);
  }
}

/** Letters that no volume has after the disk was cleaned, from C on; X is the boot image's. */
async function freeLetters(context: StepContext): Promise<string[]> {
  const { output } = await runOrFail(context, "list the drive letters", {
    command: ["fsutil.exe", "fsinfo", "drives"],
  });
  const used = new Set([...output.matchAll(/\b([A-Z]):\\/gi)].map((match) => match[1]?.toUpperCase()));
  return "CDEFGHIJKLMNOPQRSTUVWYZ".split("").filter((letter) => !used.has(letter));
}
