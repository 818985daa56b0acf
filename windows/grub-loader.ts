/**
 * GRUB as the boot sectors of a disk that a BIOS starts Windows from: Windows' own are in no file of an image. boot.img
 * stands in the first sector and core.img in the gap before the first partition ("BIOS installation", GRUB manual); they
 * start bootmgr, and from there on all is Windows' own.
 */
export const grubFolder = "/usr/lib/grub/i386-pc";
export const biosSectorBytes = 512;
/** Of the first sector: what follows is the disk's signature and its partitions. */
export const bootCodeBytes = 440;
/** "boot.S" and "diskboot.S" of GRUB: where the first sector's code says what to load, and the core's first sector. */
const drivePatchAt = 0x66;
export const coreBlockListAt = 0x1f4;

export interface Grub {
  /** For the first sector, `bootCodeBytes` long. */
  code: Buffer;
  /** For the sectors from the second on. */
  core: Buffer;
}

/** What the core does: for a file that `grubCoreWords` names. */
export const grubConfiguration = "ntldr /bootmgr\nboot\n";

/** For grub-mkimage. `partition`: the number of the active one, which has bootmgr at its root. */
export function grubCoreWords(partition: number, files: { config: string; image: string }): string[] {
  return [
    "--format=i386-pc",
    `--output=${files.image}`,
    // The prefix names no disk: the core looks on the one that it was started from.
    `--prefix=(,msdos${partition})/boot/grub`,
    `--config=${files.config}`,
    "biosdisk",
    "part_msdos",
    "ntfs",
    "fat",
    "ntldr",
    "boot",
  ];
}

/** `bootImage`: boot.img; `core`: what grub-mkimage made. Both are changed. */
export function joinGrub(bootImage: Buffer, core: Buffer): Grub {
  // The core's first sector loads the rest, which follows it.
  core.writeBigUInt64LE(2n, coreBlockListAt);
  // As GRUB's own installer does for a hard disk: the drive that the BIOS names is believed only when it is one.
  bootImage.writeUInt16LE(0x9090, drivePatchAt);
  return { code: bootImage.subarray(0, bootCodeBytes), core };
}
