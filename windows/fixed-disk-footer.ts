/** The end of a fixed virtual hard disk. Source: "Virtual Hard Disk Image Format Specification" (Microsoft), Hard Disk Footer Format. */

export const footerBytes = 512;
const cookie = "conectix";
const fixedType = 2;
/** 1 January 2000, from which the format counts seconds. */
const epochMs = Date.UTC(2000, 0, 1);
const sectorBytes = 512;

/** What stands behind the disk's bytes. `id`: 32 hexadecimal digits, with or without dashes. */
export function fixedDiskFooter(disk: { sizeBytes: number; id: string; nowMs: number }): Buffer {
  const footer = Buffer.alloc(footerBytes);
  footer.write(cookie, 0, "latin1");
  // Features: the bit that is always set; version 1.0; no offset of a header, which a fixed disk has not.
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x00010000, 12);
  footer.fill(0xff, 16, 24);
  footer.writeUInt32BE(Math.floor((disk.nowMs - epochMs) / 1000), 24);
  // Windows': of other creators some programs take the size from the geometry, which is less.
  footer.write("win ", 28, "latin1");
  footer.writeUInt32BE(0x00010000, 32);
  footer.write("Wi2k", 36, "latin1");
  footer.writeBigUInt64BE(BigInt(disk.sizeBytes), 40);
  footer.writeBigUInt64BE(BigInt(disk.sizeBytes), 48);
  const { cylinders, heads, sectors } = geometryOf(disk.sizeBytes / sectorBytes);
  footer.writeUInt16BE(cylinders, 56);
  footer.writeUInt8(heads, 58);
  footer.writeUInt8(sectors, 59);
  footer.writeUInt32BE(fixedType, 60);
  footer.write(disk.id.replaceAll("-", ""), 68, "hex");
  footer.writeUInt32BE(checksumOf(footer), 64);
  return footer;
}

/** The size of the disk that a file with this end holds, in bytes; null where it is no fixed one. */
export function readFixedDiskFooter(footer: Buffer): number | null {
  if (footer.length !== footerBytes || footer.toString("latin1", 0, 8) !== cookie) return null;
  if (footer.readUInt32BE(60) !== fixedType || footer.readUInt32BE(64) !== checksumOf(footer)) return null;
  return Number(footer.readBigUInt64BE(48));
}

/** "One's complement of the sum of all the bytes in the footer without the checksum field". */
function checksumOf(footer: Buffer): number {
  const sum = footer.reduce((total, byte, index) => (index >= 64 && index < 68 ? total : total + byte), 0);
  return ~sum >>> 0;
}

/** Appendix "CHS Calculation". */
function geometryOf(totalSectors: number): { cylinders: number; heads: number; sectors: number } {
  const total = Math.min(totalSectors, 65_535 * 16 * 255);
  if (total >= 65_535 * 16 * 63) return { sectors: 255, heads: 16, cylinders: Math.floor(total / 255 / 16) };
  let sectors = 17;
  let tracks = Math.floor(total / sectors);
  let heads = Math.max(Math.floor((tracks + 1023) / 1024), 4);
  for (const more of [31, 63]) {
    if (tracks < heads * 1024 && heads <= 16) break;
    sectors = more;
    heads = 16;
    tracks = Math.floor(total / sectors);
  }
  return { sectors, heads, cylinders: Math.floor(tracks / heads) };
}
