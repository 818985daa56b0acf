/**
 * Where the partitions go. Pure: wishes and the disk's facts in, a whole layout out, in bytes, or a StepFailure.
 * Sources: "Format and Partition Disk" (Configuration Manager), "UEFI/GPT-based hard drive partitions" and
 * "BIOS/MBR-based hard drive partitions" (Windows).
 */
import { sizeText } from "../../report/words.ts";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { DiskWish, PartitionType, PartitionWish } from "./settings.ts";

const megabyte = 1024 ** 2;
/** Windows aligns partitions so, and every disk's physical sectors and erase blocks divide it. */
const alignment = megabyte;

export interface PlannedPartition extends Pick<
  PartitionWish,
  "type" | "fileSystem" | "quickFormat" | "volumeName" | "assignLetter" | "letterVariable"
> {
  /** As Linux and the partition table number it, from 1: logical ones from 5. */
  number: number;
  startBytes: number;
  sizeBytes: number;
  /** A GUID in capitals for GPT, two hexadecimal digits for MBR. */
  typeCode: string;
  /** MBR: the active partition. */
  active: boolean;
  /** GPT: bits of the attribute field that are set. */
  attributeBits: number[];
  /** GPT: its own identifier. */
  guid: string;
}

export interface DiskPlan {
  style: "GPT" | "MBR";
  /** A GUID for GPT, eight hexadecimal digits for MBR. */
  diskId: string;
  partitions: PlannedPartition[];
}

export interface DiskRoom {
  sizeBytes: number;
  sectorBytes: number;
}

/** "PARTITION_INFORMATION_GPT structure" (Windows): types, and attributes that keep Windows away from a partition. */
const gptTypes: Partial<Record<PartitionType, { code: string; bits: number[] }>> = {
  PRIMARY: { code: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", bits: [] },
  // Hidden, and without a drive letter.
  HIDDEN: { code: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", bits: [62, 63] },
  EFI: { code: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", bits: [] },
  MSR: { code: "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", bits: [] },
  // Required by the platform, and without a drive letter.
  RECOVERY: { code: "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", bits: [0, 63] },
};

const mbrTypes: Partial<Record<PartitionType, { ntfs: string; fat32: string }>> = {
  PRIMARY: { ntfs: "07", fat32: "0c" },
  LOGICAL: { ntfs: "07", fat32: "0c" },
  EXTENDED: { ntfs: "0f", fat32: "0f" },
  HIDDEN: { ntfs: "17", fat32: "1c" },
  RECOVERY: { ntfs: "27", fat32: "27" },
};

const refuse = (text: string): StepFailure => new StepFailure(codes.invalidSetting, text);

/** `randomUuid` gives identifiers; they are the only thing that differs between two plans for the same wish. */
export function planDisk(wish: DiskWish, room: DiskRoom, randomUuid: () => string): DiskPlan {
  const wishes = wish.style === "GPT" ? gptWishes(wish) : mbrWishes(wish);
  const end = roundDown(wish.style === "GPT" ? room.sizeBytes - 34 * room.sectorBytes : mbrEnd(room));
  const partitions = layOut(wishes, { style: wish.style, end, randomUuid });
  const uuid = randomUuid();
  const diskId = wish.style === "GPT" ? uuid.toUpperCase() : uuid.slice(0, 8);
  return { style: wish.style, diskId, partitions };
}

/** Sector numbers of an MBR have 32 bits. */
function mbrEnd({ sectorBytes, sizeBytes }: DiskRoom): number {
  return Math.min(sizeBytes, 2 ** 32 * sectorBytes);
}

function gptWishes({ bootDisk, partitions }: DiskWish): PartitionWish[] {
  for (const { type } of partitions) {
    if (gptTypes[type] === undefined) throw refuse(`A GPT has no ${type.toLowerCase()} partition`);
  }
  if (!bootDisk || partitions.some(({ type }) => type === "EFI")) return partitions;
  // "If this option is selected, an EFI partition is created": with the sizes Windows recommends for any sector size.
  const own = { bootable: false, quickFormat: true, assignLetter: false, letterVariable: "" };
  const size = (amount: number): PartitionWish["size"] => ({ unit: "bytes", amount: amount * megabyte });
  const system: PartitionWish[] = [
    { ...own, type: "EFI", fileSystem: "FAT32", size: size(260), volumeName: "System" },
  ];
  if (!partitions.some(({ type }) => type === "MSR")) {
    system.push({ ...own, type: "MSR", fileSystem: null, size: size(16), volumeName: "" });
  }
  return [...system, ...partitions];
}

function mbrWishes({ partitions }: DiskWish): PartitionWish[] {
  let extended = false;
  let primaries = 0;
  let active = 0;
  for (const { bootable, type } of partitions) {
    if (mbrTypes[type] === undefined) throw refuse(`An MBR disk has no ${type} partition`);
    if (type === "LOGICAL" && !extended) {
      throw refuse("A logical partition needs an extended partition before it");
    }
    if (type === "EXTENDED" && extended) throw refuse("An MBR disk has at most one extended partition");
    extended ||= type === "EXTENDED";
    if (type !== "LOGICAL") primaries += 1;
    if (bootable) active += 1;
    if (bootable && (type === "LOGICAL" || type === "EXTENDED")) {
      throw refuse("Only a primary partition can be the boot partition");
    }
  }
  if (primaries > 4) {
    throw refuse(`An MBR disk has at most 4 primary and extended partitions, not ${primaries}`);
  }
  if (active > 1) throw refuse("An MBR disk has at most one boot partition");
  return partitions;
}

interface Layout {
  style: "GPT" | "MBR";
  end: number;
  randomUuid: () => string;
}

/** A stretch that is still free, which moves as partitions take from its start. */
interface Free {
  at: number;
  end: number;
}

function layOut(wishes: readonly PartitionWish[], layout: Layout): PlannedPartition[] {
  const disk: Free = { at: alignment, end: layout.end };
  let inside: Free | null = null;
  let primaries = 0;
  let logicals = 4;
  const planned: PlannedPartition[] = [];
  for (const [index, wish] of wishes.entries()) {
    const isLogical = wish.type === "LOGICAL";
    const free: Free = isLogical && inside !== null ? inside : disk;
    // Each logical partition has a table of its own before it.
    const startBytes = isLogical ? free.at + alignment : free.at;
    const sizeBytes = sizeOf(wish, index, { at: startBytes, end: free.end });
    free.at = startBytes + sizeBytes;
    if (wish.type === "EXTENDED") inside = { at: startBytes, end: startBytes + sizeBytes };
    if (isLogical) logicals += 1;
    else primaries += 1;
    planned.push(
      makePartition(wish, layout, { startBytes, sizeBytes, number: isLogical ? logicals : primaries }),
    );
  }
  return planned;
}

function sizeOf(wish: PartitionWish, index: number, free: Free): number {
  const room = Math.max(free.end - free.at, 0);
  const wanted =
    wish.size.unit === "percent"
      ? roundDown((room * wish.size.amount) / 100)
      : Math.ceil(wish.size.amount / alignment) * alignment;
  if (wanted > room || wanted === 0) {
    const text = wish.size.unit === "percent" ? `${wish.size.amount} % of what is free` : sizeText(wanted);
    throw new StepFailure(
      codes.diskFull,
      `Partition ${index + 1} asks for ${text}, and ${sizeText(room)} are left on the disk`,
    );
  }
  return wanted;
}

function makePartition(
  wish: PartitionWish,
  { randomUuid, style }: Layout,
  place: { startBytes: number; sizeBytes: number; number: number },
): PlannedPartition {
  const gpt = gptTypes[wish.type];
  const mbr = mbrTypes[wish.type];
  const mbrCode = wish.fileSystem === "FAT32" ? mbr?.fat32 : mbr?.ntfs;
  return {
    ...place,
    type: wish.type,
    fileSystem: wish.fileSystem,
    quickFormat: wish.quickFormat,
    volumeName: wish.volumeName,
    assignLetter: wish.assignLetter,
    letterVariable: wish.letterVariable,
    typeCode: (style === "GPT" ? gpt?.code : mbrCode) ?? "",
    // On a GPT disk the EFI system partition is what firmware starts from; there is no active partition.
    active: style === "MBR" && wish.bootable,
    attributeBits: style === "GPT" ? [...(gpt?.bits ?? [])] : [],
    guid: style === "GPT" ? randomUuid().toUpperCase() : "",
  };
}

function roundDown(bytes: number): number {
  return Math.floor(bytes / alignment) * alignment;
}
