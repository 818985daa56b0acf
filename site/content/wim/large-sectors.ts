/**
 * The partition table of a disk with sectors of 4096 bytes in a disk's file, for which sfdisk makes one of 512 only: what it made
 * is laid out anew ("UEFI Specification", 5.3: the same structures, a sector each, and places in sectors).
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

const small = 512;
const large = 4096;
const ratio = BigInt(large / small);
const entryBytes = 128;
const entriesBytes = 128 * entryBytes;
const entriesSectors = entriesBytes / large;

/** `disk` has a GPT as sfdisk makes it, 128 entries from the third sector on; every partition begins and ends at a mebibyte. */
export function enlargeSectors(disk: string): void {
  const file = openSync(disk, "r+");
  try {
    const last = fstatSync(file).size / large - 1;
    const read = (bytes: number, offset: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      readSync(file, buffer, 0, bytes, offset);
      return buffer;
    };
    const protective = read(small, 0);
    protective.writeUInt32LE(Math.min(last, 0xffffffff), 446 + 12);
    const header = read(small, small);
    const entries = read(entriesBytes, 2 * small);
    for (let at = 0; at < entriesBytes; at += entryBytes) {
      const [first, end] = [entries.readBigUInt64LE(at + 32), entries.readBigUInt64LE(at + 40)];
      if (end === 0n) continue;
      entries.writeBigUInt64LE(first / ratio, at + 32);
      entries.writeBigUInt64LE((end + 1n) / ratio - 1n, at + 40);
    }
    const write = (bytes: Buffer, sector: number): void => {
      const whole = Buffer.alloc(Math.ceil(bytes.length / large) * large);
      bytes.copy(whole);
      writeSync(file, whole, 0, whole.length, sector * large);
    };
    const headerAt = (own: number, other: number, place: number): Buffer => {
      const made = Buffer.from(header);
      made.writeBigUInt64LE(BigInt(own), 24);
      made.writeBigUInt64LE(BigInt(other), 32);
      made.writeBigUInt64LE(BigInt(2 + entriesSectors), 40);
      made.writeBigUInt64LE(BigInt(last - entriesSectors - 1), 48);
      made.writeBigUInt64LE(BigInt(place), 72);
      made.writeUInt32LE(crc32(entries), 88);
      made.writeUInt32LE(0, 16);
      made.writeUInt32LE(crc32(made.subarray(0, made.readUInt32LE(12))), 16);
      return made;
    };
    // Whole sectors, so nothing is left of the smaller ones.
    write(protective, 0);
    write(headerAt(1, last, 2), 1);
    write(entries, 2);
    write(entries, last - entriesSectors);
    write(headerAt(last, 1, last - entriesSectors), last);
  } finally {
    closeSync(file);
  }
}
