/**
 * The lines for diskpart that make a planned disk on Windows. Source: "DiskPart" (Windows commands), and the sample
 * scripts of "UEFI/GPT-based hard drive partitions".
 */
import type { DiskPlan, PlannedPartition } from "./plan.ts";

const megabyte = 1024 ** 2;

/** For a disk that was cleaned. `letters`: the drive letter of each partition that gets one, by the partition's number. */
export function diskpartLines(
  diskIndex: number,
  plan: DiskPlan,
  letters: ReadonlyMap<number, string>,
): string[] {
  const lines = [`select disk ${diskIndex}`];
  lines.push(plan.style === "GPT" ? "convert gpt" : "convert mbr");
  for (const partition of plan.partitions) lines.push(...partitionLines(plan, partition, letters));
  return lines;
}

function partitionLines(
  plan: DiskPlan,
  partition: PlannedPartition,
  letters: ReadonlyMap<number, string>,
): string[] {
  const { fileSystem, quickFormat, sizeBytes, type, volumeName } = partition;
  const lines = [`create partition ${createdType(partition)} size=${Math.floor(sizeBytes / megabyte)}`];
  if (fileSystem !== null) {
    const label = volumeName === "" ? "" : ` label="${volumeName.replaceAll('"', "'")}"`;
    lines.push(`format ${quickFormat ? "quick " : ""}fs=${fileSystem.toLowerCase()}${label}`);
  }
  const letter = letters.get(partition.number);
  if (letter !== undefined) lines.push(`assign letter=${letter}`);
  if (partition.active) lines.push("active");
  // Identifier and attributes come last: what they make of the partition can no longer be formatted.
  if (plan.style === "GPT" && type === "RECOVERY") lines.push(`set id=${partition.typeCode.toLowerCase()}`);
  if (plan.style === "MBR" && (type === "RECOVERY" || type === "HIDDEN")) {
    lines.push(`set id=${partition.typeCode}`);
  }
  if (partition.attributeBits.length > 0) {
    lines.push(`gpt attributes=0x${attributesText(partition.attributeBits)}`);
  }
  return lines;
}

function createdType({ type }: PlannedPartition): string {
  if (type === "RECOVERY" || type === "HIDDEN") return "primary";
  return type.toLowerCase();
}

function attributesText(bits: readonly number[]): string {
  const value = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  return value.toString(16).toUpperCase().padStart(16, "0");
}
