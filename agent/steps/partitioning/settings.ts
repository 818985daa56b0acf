/** What Format and Partition Disk is told: the step's properties as values. */
import { codes } from "../codes.ts";
import { flag, setting, StepFailure, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

const partitionTypes = ["PRIMARY", "EXTENDED", "LOGICAL", "HIDDEN", "EFI", "MSR", "RECOVERY"] as const;
export type PartitionType = (typeof partitionTypes)[number];

export interface PartitionWish {
  type: PartitionType;
  /** Null: not formatted. */
  fileSystem: "NTFS" | "FAT32" | null;
  bootable: boolean;
  quickFormat: boolean;
  /** `percent` is of what is free when its turn comes: "Use a percentage of remaining free space". */
  size: { unit: "bytes" | "percent"; amount: number };
  volumeName: string;
  assignLetter: boolean;
  /** Empty: none. */
  letterVariable: string;
}

export interface DiskWish {
  diskIndex: number;
  style: "GPT" | "MBR";
  /** An EFI system partition is made when none is listed. */
  bootDisk: boolean;
  partitions: PartitionWish[];
}

/** More than a GPT holds. */
const partitionsMost = 128;
const bytesOfUnit: Record<string, number> = { MB: 1024 ** 2, GB: 1024 ** 3 };
const refuse = (text: string): StepFailure => new StepFailure(codes.invalidSetting, text);

export function readDiskWish(context: StepContext): DiskWish {
  const diskType = setting(context, "DiskType", "OSDDiskType");
  if (diskType !== "" && !/^basic$/i.test(diskType)) {
    throw refuse(`The disk's type is "${diskType}"; only basic disks are made`);
  }
  const firmwareIsUefi = flag(context.variables.get("_SMSTSBootUEFI"), false);
  const written = setting(context, "PartitionStyle", "OSDPartitionStyle") || (firmwareIsUefi ? "GPT" : "MBR");
  const style = written.toUpperCase();
  if (style !== "GPT" && style !== "MBR") throw refuse(`"${written}" is no partition style: GPT and MBR are`);
  const count = setting(context, "Partitions", "OSDPartitions");
  return {
    diskIndex: readDiskIndex(context),
    style,
    bootDisk: style === "GPT" && flag(setting(context, "GPTBootDisk", "OSDGPTBootDisk"), false),
    partitions: readPartitions(context, count === "" ? countPartitions(context) : count),
  };
}

/** The index, or the variable that holds it. 0 to 10,000 since version 2103. */
function readDiskIndex(context: StepContext): number {
  const variable = setting(context, "DiskIndexVariable", "OSDDiskIndexVariable");
  const text =
    variable === "" ? setting(context, "DiskIndex", "OSDDiskIndex") : context.variables.get(variable);
  if (text === "") {
    throw refuse(variable === "" ? "The disk is not named" : `Variable ${variable} names no disk`);
  }
  return wholeNumber(text, "The disk's index", { least: 0, most: 10_000, fallback: 0 });
}

function countPartitions(context: StepContext): string {
  let count = 0;
  while (count <= partitionsMost && value(context, count, "Type") !== "") count += 1;
  return String(count);
}

function readPartitions(context: StepContext, countText: string): PartitionWish[] {
  const bounds = { least: 0, most: partitionsMost, fallback: 0 };
  const count = wholeNumber(countText, "The number of partitions", bounds);
  return Array.from({ length: count }, (_none, index) => readPartition(context, index));
}

const value = (context: StepContext, index: number, name: string): string =>
  setting(context, `Partitions${index}${name}`, `OSDPartitions${index}${name}`);

function readPartition(context: StepContext, index: number): PartitionWish {
  const of = (name: string): string => value(context, index, name).trim();
  const written = of("Type").toUpperCase();
  const type = partitionTypes.find((known) => known === written);
  if (type === undefined) throw refuse(`Partition ${index + 1} has the unknown type "${of("Type")}"`);
  const letterVariable = of("VolumeLetterVariable");
  const fileSystem = readFileSystem(of("FileSystem"), type, index);
  // The console writes the property only since letters can be left out; before, every volume had one.
  const usual = fileSystem !== null && (type === "PRIMARY" || type === "LOGICAL");
  return {
    type,
    fileSystem,
    bootable: flag(of("Bootable"), false),
    quickFormat: flag(of("QuickFormat"), true),
    size: readSize(of("Size"), of("SizeUnits"), index),
    volumeName: readVolumeName(of("VolumeName"), fileSystem, index),
    assignLetter: letterVariable !== "" || flag(of("AssignVolumeLetter"), usual),
    letterVariable,
  };
}

function readFileSystem(text: string, type: PartitionType, index: number): PartitionWish["fileSystem"] {
  // Neither holds a file system, whatever MDT's editor writes there.
  if (type === "MSR" || type === "EXTENDED") return null;
  const name = text.toUpperCase();
  if (name === "" && type === "EFI") return "FAT32";
  if (name === "") return null;
  if (name !== "NTFS" && name !== "FAT32") {
    throw refuse(`Partition ${index + 1} asks for the file system "${text}": NTFS and FAT32 are made`);
  }
  if (type === "EFI" && name !== "FAT32") throw refuse("An EFI system partition has to be FAT32");
  return name;
}

function readSize(text: string, unitText: string, index: number): PartitionWish["size"] {
  const unit = unitText.toUpperCase() || "MB";
  const what = `The size of partition ${index + 1}`;
  if (unit === "PERCENT" || unit === "%") {
    return { unit: "percent", amount: wholeNumber(text, what, { least: 1, most: 100, fallback: 100 }) };
  }
  const factor = bytesOfUnit[unit];
  if (factor === undefined) throw refuse(`${what} is in "${unitText}": MB, GB and PERCENT are known`);
  // The schema of the step has a size in every partition; an empty one cannot be guessed.
  if (text === "") throw refuse(`${what} is not given`);
  return {
    unit: "bytes",
    amount: wholeNumber(text, what, { least: 1, most: 2 ** 30, fallback: 0 }) * factor,
  };
}

/** Bounds of the file systems themselves, and characters that FAT32's names cannot have. */
function readVolumeName(name: string, fileSystem: PartitionWish["fileSystem"], index: number): string {
  const most = fileSystem === "FAT32" ? 11 : 32;
  if (fileSystem === null) return name.slice(0, 32);
  const illegal = fileSystem === "FAT32" ? /[\p{Cc}"*+,./:;<=>?[\\\]|]/u : /\p{Cc}/u;
  if (name.length > most || illegal.test(name)) {
    throw refuse(
      `"${name}" cannot be the name of partition ${index + 1}: ${fileSystem} takes ${most} characters`,
    );
  }
  return name;
}
