/**
 * An applied disk image on a larger disk: the second partition table goes to the disk's end, and a root volume that asks
 * for it grows into what is free behind it. It asks by bit 59 of its GPT attributes, "grow file system" ("Discoverable
 * Partitions Specification", UAPI Group).
 */
import type { DiskFacts } from "../../platform/platform.ts";
import { readPartitions, type PartitionFound } from "../partitioning/read-table.ts";
import { showPartitions } from "../partitioning/sfdisk.ts";
import { runOrFail } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { unmountVolume } from "../volumes.ts";

/** As sfdisk writes it. */
const growAttribute = /\b(?:GUID:)?59\b/;
/** e2fsck: 1 is "errors were corrected". */
const checkedWell = [0, 1];

/** What the kernel is to know of the disk's partitions, with the second table of a GPT where firmware looks for it. */
export async function settleTable(context: StepContext, disk: DiskFacts): Promise<void> {
  const table = await readPartitions(context, disk.path);
  if (table.style === "GPT") {
    await runOrFail(context, `move the second partition table of ${disk.path} to its end`, {
      command: ["sfdisk", "--quiet", "--no-reread", "--relocate", "gpt-bak-std", disk.path],
    });
  }
  await showPartitions(
    context,
    disk.path,
    table.partitions.map(({ number }) => number),
  );
}

/**
 * Whether it has grown. `end`: where users' files are kept that the new system is to have back, which have an entry of their
 * own in the table, so that sfdisk stops before it; null where there are none.
 */
export async function growVolume(
  context: StepContext,
  disk: DiskFacts,
  { end, letter, partition }: { letter: string; partition: PartitionFound; end: number | null },
): Promise<boolean> {
  if (!(await asksToGrow(context, disk, { partition, end }))) return false;
  await unmountVolume(context, letter);
  const { device, number } = partition;
  await runOrFail(context, `grow partition ${number} of ${disk.path}`, {
    command: ["sfdisk", "--quiet", "--no-reread", "--force", "-N", String(number), disk.path],
    input: ", +\n",
  });
  const { partitions } = await readPartitions(context, disk.path);
  await showPartitions(
    context,
    disk.path,
    partitions.map((one) => one.number),
  );
  if (!/^ext[234]$/.test(partition.fileSystem)) {
    context.log.info(`${device} has grown; its ${partition.fileSystem} is left for the system to grow`);
    return true;
  }
  await runOrFail(context, `check ${device}`, { command: ["e2fsck", "-f", "-p", device] }, checkedWell);
  await runOrFail(context, `grow the file system of ${device}`, { command: ["resize2fs", device] });
  return true;
}

/** Only what is last on a GPT disk can, or last before `end`. */
async function asksToGrow(
  context: StepContext,
  disk: DiskFacts,
  { end, partition: { number, startBytes } }: { partition: PartitionFound; end: number | null },
): Promise<boolean> {
  const { partitions, style } = await readPartitions(context, disk.path);
  const behind = partitions.filter((one) => one.startBytes > startBytes);
  if (style !== "GPT" || behind.some((one) => one.startBytes !== end)) return false;
  if (end !== null && behind.length === 0) return false;
  const { output } = await runOrFail(context, `read the attributes of partition ${number}`, {
    command: ["sfdisk", "--part-attrs", disk.path, String(number)],
  });
  return growAttribute.test(output);
}
