/** Streams that Clonezilla and FOG save in files and send by udpcast: how they begin, and what partclone leaves out of one. */

export interface PartcloneHead {
  /** "EXTFS", "NTFS", … */
  fileSystem: string;
  /** Of the partition that was saved. */
  deviceBytes: number;
}

const partcloneMagic = "partclone-image";

/** Of versions 1 and 2 (partclone's IMAGE_FORMATS.md and partclone.h). Null for what is no partclone image. */
export function partcloneHead(bytes: Buffer): PartcloneHead | null {
  const magic = bytes.toString("latin1", 0, partcloneMagic.length);
  if (bytes.length < 96 || magic !== partcloneMagic) return null;
  const text = (from: number, length: number): string =>
    bytes.toString("latin1", from, from + length).replace(/\0.*$/s, "");
  // Version 1 has the file system at once after the magic, version 2 its own version first.
  return text(30, 4) === "0001"
    ? { fileSystem: text(15, 15), deviceBytes: Number(bytes.readBigUInt64LE(40)) }
    : { fileSystem: text(36, 16), deviceBytes: Number(bytes.readBigUInt64LE(52)) };
}

/**
 * What else saves a partition in a form of its own: the program, and what its images begin with. ntfsclone.c (IMAGE_MAGIC) of
 * ntfs-3g; partimage's description of its format 0.6 (CVolumeHeader).
 */
const otherImages: readonly { program: string; magic: Buffer }[] = [
  { program: "ntfsclone", magic: Buffer.from("\0ntfsclone-image", "latin1") },
  { program: "partimage", magic: Buffer.from("PaRtImAgE-VoLuMe", "latin1") },
];

/** The program that saved it and that alone restores it; null for a partclone image, and for what is none of these. */
export function otherImageProgram(bytes: Buffer): string | null {
  const found = otherImages.find(({ magic }) => bytes.subarray(0, magic.length).equals(magic));
  return found?.program ?? null;
}

export interface Compression {
  /** The program, too. */
  name: string;
  /** What a stream begins with. */
  magic: Buffer;
  /** Words for a shell that read standard input and write the plain bytes. */
  decompress: string;
}

const compressions: readonly Compression[] = [
  { name: "gzip", magic: Buffer.from([0x1f, 0x8b]), decompress: "gzip -dc" },
  { name: "zstd", magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), decompress: "zstd -dcq --long=31" },
  { name: "xz", magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), decompress: "xz -dc" },
  { name: "bzip2", magic: Buffer.from("BZh"), decompress: "bzip2 -dc" },
  { name: "lz4", magic: Buffer.from([0x04, 0x22, 0x4d, 0x18]), decompress: "lz4 -dc" },
  { name: "lzop", magic: Buffer.from([0x89, 0x4c, 0x5a, 0x4f]), decompress: "lzop -dc" },
];
export const notCompressed: Compression = { name: "none", magic: Buffer.alloc(0), decompress: "cat" };

/** By what the stream begins with: names lie. */
export function compressionOf(head: Buffer): Compression {
  return compressions.find(({ magic }) => head.subarray(0, magic.length).equals(magic)) ?? notCompressed;
}

/** Enough of a stream for one block of any of the programs to come out. */
export const streamHeadBytes = 4_194_304;

/** Of an NTFS boot sector. */
export const ntfsSectorBytes = 512;

/**
 * partclone leaves out the copy of an NTFS boot sector, which lies behind the volume's last cluster: at which byte of a volume
 * it belongs. Null for a sector that is no such one.
 */
export function ntfsCopyOffset(bootSector: Buffer): number | null {
  if (bootSector.toString("latin1", 3, 7) !== "NTFS") return null;
  const sectorBytes = bootSector.readUInt16LE(0x0b);
  return sectorBytes === ntfsSectorBytes ? Number(bootSector.readBigUInt64LE(0x28)) * sectorBytes : null;
}
