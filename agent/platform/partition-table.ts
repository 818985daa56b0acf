/**
 * Reads the partition table of a disk or file, to say what is lost where the system does not say it. Only for people:
 * what cannot be read or understood is left out.
 */
import { open } from "node:fs/promises";
import type { PartitionFacts } from "./platform.ts";

const entriesMost = 128;

export async function readPartitionTable(path: string, sizeBytes: number): Promise<PartitionFacts[]> {
  let handle;
  try {
    handle = await open(path, "r");
    const start = Buffer.alloc(Math.min(sizeBytes, 64 * 1024));
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    return parsePartitionTable(start.subarray(0, bytesRead));
  } catch {
    return [];
  } finally {
    await handle?.close();
  }
}

/** `start`: the first bytes of the disk, 64 KiB of them for a whole GPT. */
export function parsePartitionTable(start: Buffer): PartitionFacts[] {
  if (start.length < 512 || start.readUInt16LE(510) !== 0xaa55) return [];
  for (const sectorBytes of [512, 4096]) {
    const header = start.subarray(sectorBytes);
    if (header.length >= 92 && header.toString("latin1", 0, 8) === "EFI PART") {
      return parseGpt(start, header, sectorBytes);
    }
  }
  return parseMbr(start);
}

function parseGpt(start: Buffer, header: Buffer, sectorBytes: number): PartitionFacts[] {
  const first = Number(header.readBigUInt64LE(72)) * sectorBytes;
  const count = Math.min(header.readUInt32LE(80), entriesMost);
  const entryBytes = header.readUInt32LE(84);
  const partitions: PartitionFacts[] = [];
  if (entryBytes < 128) return [];
  for (let index = 0; index < count; index += 1) {
    const entry = start.subarray(first + index * entryBytes, first + (index + 1) * entryBytes);
    if (entry.length < 128) break;
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const sectors = entry.readBigUInt64LE(40) - entry.readBigUInt64LE(32) + 1n;
    partitions.push({
      name: `partition ${index + 1}`,
      sizeBytes: Number(sectors) * sectorBytes,
      fileSystem: "",
      label: entry.toString("utf16le", 56, 128).replace(/\0.*$/s, ""),
    });
  }
  return partitions;
}

function parseMbr(start: Buffer): PartitionFacts[] {
  const partitions: PartitionFacts[] = [];
  for (let index = 0; index < 4; index += 1) {
    const entry = start.subarray(446 + index * 16, 462 + index * 16);
    const status = entry.readUInt8(0);
    const sectors = entry.readUInt32LE(12);
    // A boot sector of a file system ends in the same two bytes, but has no such status bytes.
    if (status !== 0 && status !== 0x80) return [];
    if (entry.readUInt8(4) === 0 || sectors === 0) continue;
    partitions.push({ name: `partition ${index + 1}`, sizeBytes: sectors * 512, fileSystem: "", label: "" });
  }
  return partitions;
}
