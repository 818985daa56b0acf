/** What a partclone image begins with, versions 1 and 2 (partclone's IMAGE_FORMATS.md and partclone.h). */

export interface PartcloneHead {
  /** "EXTFS", "NTFS", … */
  fileSystem: string;
  /** Of the partition that was saved. */
  deviceBytes: number;
}

const magic = "partclone-image";

/** Null for what is no partclone image. */
export function partcloneHead(bytes: Buffer): PartcloneHead | null {
  if (bytes.length < 96 || bytes.toString("latin1", 0, magic.length) !== magic) return null;
  const text = (from: number, length: number): string =>
    bytes.toString("latin1", from, from + length).replace(/\0.*$/s, "");
  // Version 1 has the file system at once after the magic, version 2 its own version first.
  return text(30, 4) === "0001"
    ? { fileSystem: text(15, 15), deviceBytes: Number(bytes.readBigUInt64LE(40)) }
    : { fileSystem: text(36, 16), deviceBytes: Number(bytes.readBigUInt64LE(52)) };
}
