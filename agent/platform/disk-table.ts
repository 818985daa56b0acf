/**
 * A disk's partition table as it lies on the disk, read and written with no program of a system's: GPT ("UEFI Specification",
 * 5.3) and MBR without logical partitions. Places and sizes are sectors.
 */
import { crc32 } from "node:zlib";
import type { DiskPiece } from "../../native/index.ts";

export interface TablePartition {
  /** Of its entry in the table, from 1. */
  number: number;
  start: number;
  size: number;
  /** An upper-case GUID, or the MBR's type in lower-case hexadecimal digits. */
  type: string;
  /** Upper-case GUID; empty on MBR. */
  uuid: string;
  bootable: boolean;
}
export interface DiskTable {
  label: "gpt" | "dos";
  sectorBytes: number;
  /** The disk's GUID, or the MBR's signature in hexadecimal digits. */
  id: string;
  /** In the order they stand on the disk. */
  partitions: TablePartition[];
  /** What is changed in writing, and all that this file does not know of is kept. */
  source: { protective: Buffer; header: Buffer; entries: Buffer };
}

/** `count` bytes from `offset`, both whole sectors; less at the end of the disk. */
export type ReadSectors = (offset: number, count: number) => Promise<Buffer>;

const entriesBytesMost = 64 * 1024;
const headerBytes = 92;
const entryBytesLeast = 128;
const mbr = { signature: 440, entries: 446, entryBytes: 16, count: 4 };
const protectiveType = 0xee;
const none = Buffer.alloc(0);

/** Null for a disk without a table, or with one that does not agree with itself. */
export async function readDiskTable(read: ReadSectors, sectorBytes: number): Promise<DiskTable | null> {
  const start = await read(0, 2 * sectorBytes);
  if (start.length < 2 * sectorBytes || start.readUInt16LE(510) !== 0xaa55) return null;
  const protective = start.subarray(0, sectorBytes);
  const header = start.subarray(sectorBytes);
  if (header.toString("latin1", 0, 8) !== "EFI PART") return readMbr(protective, sectorBytes);
  const place = header.readBigUInt64LE(72);
  const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  const bytes = count * entryBytes;
  if (!sumsUp(header) || entryBytes < entryBytesLeast || bytes > entriesBytesMost || place > 4096n) {
    return null;
  }
  const whole = Math.ceil(bytes / sectorBytes) * sectorBytes;
  const entries = (await read(Number(place) * sectorBytes, whole)).subarray(0, bytes);
  if (entries.length !== bytes || crc32(entries) !== header.readUInt32LE(88)) return null;
  const partitions: TablePartition[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = entries.subarray(index * entryBytes, (index + 1) * entryBytes);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const first = Number(entry.readBigUInt64LE(32));
    const size = Number(entry.readBigUInt64LE(40)) - first + 1;
    const [type, uuid] = [guidText(entry), guidText(entry.subarray(16))];
    partitions.push({ number: index + 1, start: first, size, type, uuid, bootable: false });
  }
  const source = { protective, header, entries };
  return {
    label: "gpt",
    sectorBytes,
    id: guidText(header.subarray(56)),
    partitions: sorted(partitions),
    source,
  };
}

function sumsUp(header: Buffer): boolean {
  const bytes = header.readUInt32LE(12);
  if (bytes < headerBytes || bytes > header.length) return false;
  const summed = Buffer.from(header.subarray(0, bytes));
  summed.writeUInt32LE(0, 16);
  return crc32(summed) === header.readUInt32LE(16);
}

function readMbr(sector: Buffer, sectorBytes: number): DiskTable | null {
  const partitions: TablePartition[] = [];
  for (let index = 0; index < mbr.count; index += 1) {
    const entry = sector.subarray(mbr.entries + index * mbr.entryBytes);
    const [status, type] = [entry.readUInt8(0), entry.readUInt8(4)];
    const [start, size] = [entry.readUInt32LE(8), entry.readUInt32LE(12)];
    // A boot sector of a file system ends in the same two bytes, but has no such status bytes.
    if ((status !== 0 && status !== 0x80) || type === protectiveType) return null;
    if (type === 0 || size === 0) continue;
    const bootable = status === 0x80;
    partitions.push({ number: index + 1, start, size, type: type.toString(16), uuid: "", bootable });
  }
  const id = sector.readUInt32LE(mbr.signature).toString(16).padStart(8, "0");
  const source = { protective: sector, header: none, entries: none };
  return { label: "dos", sectorBytes, id, partitions: sorted(partitions), source };
}

const sorted = (partitions: TablePartition[]): TablePartition[] =>
  partitions.toSorted((one, other) => one.start - other.start);

/** What makes `table` that of a disk of so many sectors; its second table, where it has one, at the disk's end. */
export function piecesOf(table: DiskTable, sectors: number): DiskPiece[] {
  return table.label === "gpt" ? gptPieces(table, sectors) : [{ offset: 0, bytes: mbrSector(table) }];
}

function mbrSector({ id, partitions, source }: DiskTable): Buffer {
  const sector = Buffer.from(source.protective);
  sector.writeUInt32LE(Number.parseInt(id, 16), mbr.signature);
  for (const { number, size, start } of partitions) {
    const entry = sector.subarray(mbr.entries + (number - 1) * mbr.entryBytes);
    if (entry.readUInt32LE(8) === start && entry.readUInt32LE(12) === size) continue;
    // What cylinders, heads and sectors cannot say: "use the sectors".
    entry.writeUIntBE(0xfeffff, 1, 3);
    entry.writeUIntBE(0xfeffff, 5, 3);
    entry.writeUInt32LE(start, 8);
    entry.writeUInt32LE(size, 12);
  }
  return sector;
}

function gptPieces({ id, partitions, sectorBytes, source }: DiskTable, sectors: number): DiskPiece[] {
  const entryBytes = source.header.readUInt32LE(84);
  const entries = Buffer.alloc(Math.ceil(source.entries.length / sectorBytes) * sectorBytes);
  source.entries.copy(entries);
  for (const { number, size, start, uuid } of partitions) {
    const entry = entries.subarray((number - 1) * entryBytes);
    guidBytes(uuid).copy(entry, 16);
    entry.writeBigUInt64LE(BigInt(start), 32);
    entry.writeBigUInt64LE(BigInt(start + size - 1), 40);
  }
  const last = sectors - 1;
  const secondEntries = last - entries.length / sectorBytes;
  const header = (own: number, other: number, place: number): Buffer => {
    const made = Buffer.from(source.header);
    made.writeBigUInt64LE(BigInt(own), 24);
    made.writeBigUInt64LE(BigInt(other), 32);
    made.writeBigUInt64LE(BigInt(secondEntries - 1), 48);
    guidBytes(id).copy(made, 56);
    made.writeBigUInt64LE(BigInt(place), 72);
    made.writeUInt32LE(crc32(entries.subarray(0, source.entries.length)), 88);
    made.writeUInt32LE(0, 16);
    made.writeUInt32LE(crc32(made.subarray(0, made.readUInt32LE(12))), 16);
    return made;
  };
  const protective = Buffer.from(source.protective);
  protective.writeUInt32LE(Math.min(last, 0xffffffff), mbr.entries + 12);
  const place = Number(source.header.readBigUInt64LE(72));
  return [
    // The second table first: the first alone says where it is.
    { offset: secondEntries * sectorBytes, bytes: entries },
    { offset: last * sectorBytes, bytes: header(last, 1, secondEntries) },
    { offset: place * sectorBytes, bytes: entries },
    { offset: sectorBytes, bytes: header(1, last, place) },
    { offset: 0, bytes: protective },
  ];
}

/** "UEFI Specification", appendix A: the first three fields have their low bytes first. */
function guidText(bytes: Buffer): string {
  const [first, second, third] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUInt16LE(6)];
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  const rest = bytes.toString("hex", 8, 16);
  const text = `${hex(first, 8)}-${hex(second, 4)}-${hex(third, 4)}-${rest.slice(0, 4)}-${rest.slice(4)}`;
  return text.toUpperCase();
}

function guidBytes(text: string): Buffer {
  const digits = text.replaceAll("-", "");
  const bytes = Buffer.from(digits, "hex");
  bytes.writeUInt32LE(Number.parseInt(digits.slice(0, 8), 16), 0);
  bytes.writeUInt16LE(Number.parseInt(digits.slice(8, 12), 16), 4);
  bytes.writeUInt16LE(Number.parseInt(digits.slice(12, 16), 16), 6);
  return bytes;
}
