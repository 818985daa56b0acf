/**
 * An applied Windows that a BIOS starts. Windows' own boot sectors are in no file of an image, so Debian's GRUB stands in
 * for them: boot.img in the first sector and core.img in the gap before the first partition ("BIOS installation", GRUB
 * manual) start bootmgr, and from there on all is Windows' own: bootmgr, \Boot\BCD, winload.exe.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, open, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../../platform/run-tool.ts";
import { codes } from "../codes.ts";
import type { Destination } from "../images/destination.ts";
import type { PartitionFound } from "../partitioning/read-table.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase, hostPath, usedLetters, volumeOf } from "../volumes.ts";
import { makeStore } from "./store.ts";

type Table = NonNullable<Destination["table"]>;

const grubFolder = "/usr/lib/grub/i386-pc";
const sectorBytes = 512;
/** Of the first sector: what follows is the disk's signature and its partitions. */
const bootCodeBytes = 440;

/** Throws StepFailure for a disk that cannot be started from, or a PE without GRUB. */
export async function checkBios(context: StepContext, table: Table): Promise<void> {
  activePartition(table);
  const { output } = await runOrFail(context, `read the sectors of ${table.disk}`, {
    command: ["lsblk", "--nodeps", "--noheadings", "--output", "LOG-SEC", table.disk],
  });
  if (Number(output) !== sectorBytes) {
    throw new StepFailure(codes.notSupported, `A BIOS starts no disk with sectors of ${output.trim()} bytes`);
  }
  await runOrFail(context, "look for GRUB", { command: ["grub-mkimage", "--version"] });
  if (!existsSync(join(grubFolder, "boot.img"))) {
    throw new StepFailure(codes.fileNotFound, "GRUB's parts for a BIOS (package grub-pc-bin) are not here");
  }
}

/** Holds bootmgr and the boot configuration. */
function activePartition({ disk, partitions }: Table): PartitionFound {
  const active = partitions.find((one) => one.active);
  if (active === undefined) {
    throw new StepFailure(codes.notFound, `${disk} has no active partition for a BIOS to start from`);
  }
  if (active.fileSystem === "ntfs" || active.fileSystem === "vfat") return active;
  const found = active.fileSystem === "" ? "no file system" : active.fileSystem;
  throw new StepFailure(codes.notFound, `The active partition of ${disk} has ${found}, neither NTFS nor FAT`);
}

export async function startByBios(
  context: StepContext,
  boot: { letter: string; table: Table; windows: string; work: string },
): Promise<void> {
  const { table, windows, work } = boot;
  const active = activePartition(table);
  const { diskId, partition } = table;
  const place = { style: "MBR", signature: diskId, startBytes: partition.startBytes } as const;
  const store = await makeStore(context, { windows, folder: work, place });
  const staged = join(work, "system");
  await stageFiles(windows, store, staged);
  if (active.fileSystem === "vfat") await copyToFat(context, staged, active.device);
  else await withVolume(context, table, active, (root) => copyToVolume(staged, root));
  await embedGrub(context, table, active, work);
}

/** As bcdboot does it: bootmgr at the root, what is beside it in the image below Boot, with fonts and resources. */
async function stageFiles(windows: string, store: string, staged: string): Promise<void> {
  const source = await findInAnyCase(windows, ["Boot", "PCAT"]);
  const manager = await findInAnyCase(source, ["bootmgr"]);
  if (!existsSync(manager)) {
    throw new StepFailure(
      codes.notSupported,
      "The image has no Windows\\Boot\\PCAT\\bootmgr: it is a Windows that no BIOS starts",
    );
  }
  const boot = join(staged, "Boot");
  await mkdir(boot, { recursive: true });
  await copyFile(manager, join(staged, "bootmgr"));
  for (const name of await readdir(source)) {
    // The image's own store, where it has one, would name another machine's disk.
    if (!/^(bootmgr|bcd.*)$/i.test(name)) await cp(join(source, name), join(boot, name), { recursive: true });
  }
  for (const name of ["Fonts", "Resources"]) {
    const path = await findInAnyCase(windows, ["Boot", name]);
    if (existsSync(path)) await cp(path, join(boot, name), { recursive: true });
  }
  await copyFile(store, join(boot, "BCD"));
}

/** mtools need no driver for FAT. */
async function copyToFat(context: StepContext, staged: string, device: string): Promise<void> {
  const files = (await readdir(staged)).map((name) => join(staged, name));
  await runOrFail(context, `copy boot files to ${device}`, {
    command: ["mcopy", "-s", "-o", "-n", "-Q", "-i", device, ...files, "::/"],
  });
}

async function copyToVolume(staged: string, root: string): Promise<void> {
  for (const name of await readdir(staged)) {
    await cp(join(staged, name), await findInAnyCase(root, [name]), { recursive: true });
  }
}

/** By its letter where it has one, since NTFS is mounted once; else at a place of its own. */
async function withVolume(
  context: StepContext,
  table: Table,
  { device, number }: PartitionFound,
  use: (root: string) => Promise<void>,
): Promise<void> {
  for (const letter of usedLetters(context)) {
    const volume = await volumeOf(context, letter).catch(() => null);
    if (volume?.disk.path === table.disk && volume.partitionNumber === number) {
      return use(await hostPath(context, `${letter}:\\`));
    }
  }
  // Below the folder of volumes, which nobody deletes with what is in it, and not among the files of this step.
  const folder = join(await workFolder(context), "volumes", `system-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    await runOrFail(context, `mount ${device}`, { command: ["ntfs-3g", device, folder] });
    await use(folder);
  } finally {
    await takeDown(device, folder);
  }
}

/** Also when the step was cancelled, after which the step's own tools start nothing any more. */
async function takeDown(device: string, folder: string): Promise<void> {
  await runTool(["umount", folder], limits.unmountMs);
  try {
    // Refused for as long as something is mounted there.
    await rmdir(folder);
  } catch (error) {
    throw new StepFailure(codes.failed, `Could not unmount ${device}: ${(error as Error).message}`);
  }
}

/** "boot.S" and "diskboot.S" of GRUB: where the first sector's code says what to load, and the core's first sector. */
const drivePatchAt = 0x66;
const coreBlockListAt = 0x1f4;

async function embedGrub(
  context: StepContext,
  { disk, partitions }: Table,
  active: PartitionFound,
  work: string,
): Promise<void> {
  const [config, image] = [join(work, "grub.cfg"), join(work, "core.img")];
  await writeFile(config, "ntldr /bootmgr\nboot\n");
  // The prefix names no disk: the core looks on the one that it was started from.
  const prefix = `(,msdos${active.number})/boot/grub`;
  const modules = ["biosdisk", "part_msdos", "ntfs", "fat", "ntldr", "boot"];
  const words = ["--format=i386-pc", `--output=${image}`, `--prefix=${prefix}`, `--config=${config}`];
  await runOrFail(context, "make the boot loader", { command: ["grub-mkimage", ...words, ...modules] });
  const core = await readFile(image);
  const gap = Math.min(...partitions.map(({ startBytes }) => startBytes)) - sectorBytes;
  if (core.length > gap) {
    throw new StepFailure(
      codes.diskFull,
      `The boot loader takes ${core.length} bytes, and before the first partition of ${disk} are ${gap}`,
    );
  }
  // The core's first sector loads the rest, which follows it.
  core.writeBigUInt64LE(2n, coreBlockListAt);
  const code = await readFile(join(grubFolder, "boot.img"));
  // As GRUB's own installer does for a hard disk: the drive that the BIOS names is believed only when it is one.
  code.writeUInt16LE(0x9090, drivePatchAt);
  await writeBootSectors(disk, code.subarray(0, bootCodeBytes), core);
}

/** The core first: a disk with half of it does not start, and says so. */
async function writeBootSectors(disk: string, code: Buffer, core: Buffer): Promise<void> {
  const handle = await open(disk, "r+");
  try {
    await handle.write(core, 0, core.length, sectorBytes);
    await handle.sync();
    await handle.write(code, 0, code.length, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
