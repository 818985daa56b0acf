/** A planned disk made on Linux: sfdisk writes the table, mkntfs and mkfs.vfat the file systems. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { partitionDevice } from "../volumes.ts";
import type { DiskPlan, PlannedPartition } from "./plan.ts";

/** How long the kernel may take to show the nodes of new partitions. */
const nodeWaitMs = 10_000;
/** How often, and after how long again, the kernel is told of the partitions. */
const showTries = 5;
const showAgainMs = 200;
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
  // sfdisk asks the kernel to read the table again, which a loop device without partition scanning does not do, and
  // partx --update stops at a gap in the numbers. There may be nothing to take away.
  // Whoever else looks at the disk can make the kernel add one in between.
  for (let tries = 1; ; tries += 1) {
    await context.tools.run({ command: ["partx", "--delete", disk] });
    const add = { command: ["partx", "--add", disk] };
    if (tries === showTries) {
      await runOrFail(context, `show the partitions of ${disk}`, add);
      break;
    }
    if ((await context.tools.run(add)).exitCode === 0) break;
    await delay(showAgainMs);
  }
  for (const number of numbers) await waitForNode(partitionDevice(disk, number));
}

async function waitForNode(device: string): Promise<void> {
  const until = Date.now() + nodeWaitMs;
  while (!existsSync(device)) {
    if (Date.now() > until) throw new StepFailure(codes.failed, `The system does not show ${device}`);
    await delay(50);
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
