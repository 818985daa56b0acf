/** A planned disk made on Linux: sfdisk writes the table, mkntfs and mkfs.vfat the file systems. */
import { showTable, waitForNode, type RunProgram } from "../../platform/linux/partition-tool.ts";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { partitionDevice } from "../volumes.ts";
import type { DiskPlan, PlannedPartition } from "./plan.ts";

const attributeNames: Record<number, string> = { 0: "RequiredPartition" };

/** What sfdisk reads: a line for each partition, in sectors. */
function sfdiskScript(plan: DiskPlan, sectorBytes: number): string {
  const lines = [
    plan.style === "GPT" ? "label: gpt" : "label: dos",
    plan.style === "GPT" ? `label-id: ${plan.diskId}` : `label-id: 0x${plan.diskId}`,
    "unit: sectors",
    "",
  ];
  for (const partition of plan.partitions) {
    const fields = [
      `start=${partition.startBytes / sectorBytes}`,
      `size=${partition.sizeBytes / sectorBytes}`,
      `type=${partition.typeCode}`,
    ];
    if (plan.style === "GPT") fields.push(`uuid=${partition.guid}`, `name="${gptName(partition)}"`);
    if (partition.attributeBits.length > 0) {
      const names = partition.attributeBits.map((bit) => attributeNames[bit] ?? `GUID:${bit}`);
      fields.push(`attrs="${names.join(" ")}"`);
    }
    if (partition.active) fields.push("bootable");
    lines.push(`${partition.number} : ${fields.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** As diskpart names what it makes. */
function gptName({ type }: PlannedPartition): string {
  if (type === "EFI") return "EFI system partition";
  return type === "MSR" ? "Microsoft reserved partition" : "Basic data partition";
}

export async function writeTable(
  context: StepContext,
  disk: { path: string; sectorBytes: number },
  plan: DiskPlan,
): Promise<void> {
  await runOrFail(context, `clean ${disk.path}`, { command: ["wipefs", "--all", "--force", disk.path] });
  await runOrFail(context, `write the partition table of ${disk.path}`, {
    command: ["sfdisk", "--quiet", "--force", "--wipe=always", "--wipe-partitions=always", disk.path],
    input: sfdiskScript(plan, disk.sectorBytes),
  });
  await showPartitions(
    context,
    disk.path,
    plan.partitions.map(({ number }) => number),
  );
}

/** Has the kernel read the table of `disk` again; `numbers` are its partitions'. */
export async function showPartitions(
  context: StepContext,
  disk: string,
  numbers: readonly number[],
): Promise<void> {
  const run: RunProgram = async (command) => {
    const { exitCode, output } = await context.tools.run({ command });
    return exitCode === 0 ? output : null;
  };
  if (!(await showTable(disk, run))) {
    // Once more, for what it says.
    await runOrFail(context, `show the partitions of ${disk}`, { command: ["partx", "--add", disk] });
  }
  for (const number of numbers) {
    const device = partitionDevice(disk, number);
    if (!(await waitForNode(device))) {
      throw new StepFailure(codes.failed, `The system does not show ${device}`);
    }
  }
}

export async function formatPartition(
  context: StepContext,
  disk: { path: string; sectorBytes: number },
  partition: PlannedPartition,
): Promise<void> {
  const device = partitionDevice(disk.path, partition.number);
  const command = formatCommand(device, disk.sectorBytes, partition);
  if (command !== null) await runOrFail(context, `format ${device}`, { command });
}

/** Null for what has no file system. */
function formatCommand(
  device: string,
  sectorBytes: number,
  { fileSystem, quickFormat, startBytes, volumeName }: PlannedPartition,
): string[] | null {
  const startSector = startBytes / sectorBytes;
  if (fileSystem === "FAT32") {
    const name = volumeName === "" ? [] : ["-n", volumeName.toUpperCase()];
    const hidden = startSector < 2 ** 32 ? ["-h", String(startSector)] : [];
    const check = quickFormat ? [] : ["-c"];
    return ["mkfs.vfat", "-F", "32", "-S", String(sectorBytes), ...hidden, ...check, ...name, device];
  }
  if (fileSystem === null) return null;
  // A BIOS boot sector reads the volume by its place on the disk, in sectors of 32 bits.
  const place = startSector < 2 ** 32 ? ["-p", String(startSector), "-H", "255", "-S", "63"] : [];
  const name = volumeName === "" ? [] : ["-L", volumeName];
  return [
    "mkntfs",
    "-F",
    ...(quickFormat ? ["-Q"] : []),
    "-s",
    String(sectorBytes),
    ...place,
    ...name,
    device,
  ];
}
