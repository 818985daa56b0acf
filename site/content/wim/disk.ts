/**
 * A whole disk around a Windows volume: partitions, what starts it, and its recovery image, as "UEFI/GPT-based hard drive
 * partitions" and "BIOS/MBR-based hard drive partitions" (Microsoft) lay them out. The recovery partition comes after
 * Windows.
 */
import { mkdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { putGrub } from "../grub-disk.ts";
import { runTool } from "../tools.ts";
import type { BootFiles } from "./boot-files.ts";
import { enlargeSectors } from "./large-sectors.ts";
import { makeVolumeOfFolder, mebibyte, type SectorBytes } from "./volume.ts";

/** What stands before the Windows volume, MiB. */
const alignMegabytes = 1;
const efiMegabytes = 260;
const reservedMegabytes = 16;
const systemMegabytes = 100;
/** "Windows RE tools partition": room for the image and for updates of it. */
const recoveryFreeMegabytes = 320;

export type DiskStyle = "disk" | "disk-mbr";

/** Where the Windows volume begins on such a disk, bytes. */
export function windowsStartBytes(style: DiskStyle): number {
  const before = style === "disk" ? efiMegabytes + reservedMegabytes : systemMegabytes;
  return (alignMegabytes + before) * mebibyte;
}

export interface DiskWork {
  style: DiskStyle;
  /** With 4096 a BIOS starts nothing: then it is "disk". */
  sectorBytes: SectorBytes;
  /** The Windows volume, which the disk takes the place of. */
  volume: string;
  boot: BootFiles;
  /** Of the caller's own. */
  folder: string;
  signal: AbortSignal;
}

/** Answers the disk's path. Throws what running programs throws, and E_CONTENT_WRITE. */
export async function makeDisk(work: DiskWork): Promise<string> {
  const { folder, signal, style, volume } = work;
  const windowsBytes = statSync(volume).size;
  const start = windowsStartBytes(style);
  const recovery = await makeRecovery(work, start + windowsBytes);
  const disk = await insertSpace(volume, start, signal);
  const recoveryBytes = recovery === null ? 0 : statSync(recovery).size;
  // The last mebibyte is for a GPT's second table.
  truncateSync(disk, start + windowsBytes + recoveryBytes + mebibyte);
  await partition(disk, { style, windowsBytes, recoveryBytes }, signal);
  if (work.sectorBytes === 4096) enlargeSectors(disk);
  if (recovery !== null) await copyInto(disk, recovery, start + windowsBytes, signal);
  if (style === "disk") await fillEfiPartition(disk, work);
  else await fillSystemPartition(disk, work);
  rmSync(folder, { recursive: true });
  return disk;
}

async function makeRecovery(
  { boot, folder, sectorBytes, signal }: DiskWork,
  startBytes: number,
): Promise<string | null> {
  if (boot.recovery === null) return null;
  const root = join(folder, "recovery");
  const target = join(root, "Recovery", "WindowsRE");
  mkdirSync(target, { recursive: true });
  copyFileSync(boot.recovery, join(target, "Winre.wim"));
  const megabytes = Math.ceil(statSync(boot.recovery).size / mebibyte) + recoveryFreeMegabytes;
  const wish = {
    path: `${root}.ntfs`,
    label: "Recovery",
    bytes: megabytes * mebibyte,
    startBytes,
    sectorBytes,
  };
  await makeVolumeOfFolder(root, wish, signal);
  return wish.path;
}

/** The file begins `bytes` later afterwards. File systems that cannot do that in place get a copy. */
async function insertSpace(volume: string, bytes: number, signal: AbortSignal): Promise<string> {
  const disk = `${volume}.disk`;
  const words = ["--insert-range", "--offset", "0", "--length", String(bytes), volume];
  const { exitCode } = await runTool("fallocate", words, signal);
  if (exitCode === 0) renameSync(volume, disk);
  else {
    await writeFile(disk, "", { mode: 0o600 });
    await copyInto(disk, volume, bytes, signal);
    rmSync(volume);
  }
  return disk;
}

/** `offset` in whole mebibytes; what is zero in `source` stays a hole. */
async function copyInto(disk: string, source: string, offset: number, signal: AbortSignal): Promise<void> {
  const place = [`bs=${mebibyte}`, `seek=${offset / mebibyte}`, "conv=sparse,notrunc", "status=none"];
  await runOrThrow("dd", [`if=${source}`, `of=${disk}`, ...place], signal);
}

/** Throws E_CONTENT_WRITE for a full disk, E_TOOL_FAILED for anything else that a program says. */
async function runOrThrow(program: string, words: string[], signal: AbortSignal, input = ""): Promise<void> {
  const { exitCode, complaint } = await runTool(program, words, signal, { input, limitMs: limits.wimToolMs });
  if (exitCode === 0) return;
  const code = /no space left/i.test(complaint) ? "E_CONTENT_WRITE" : "E_TOOL_FAILED";
  throw new VolleyError(code, `${program} (${exitCode}): ${complaint}`);
}

/** sfdisk takes every file for one of such sectors. */
const tableSectorBytes = 512;

interface Sizes {
  style: DiskStyle;
  windowsBytes: number;
  recoveryBytes: number;
}

async function partition(
  disk: string,
  { recoveryBytes, style, windowsBytes }: Sizes,
  signal: AbortSignal,
): Promise<void> {
  const sectors = (bytes: number): number => bytes / tableSectorBytes;
  const lines = [`label: ${style === "disk" ? "gpt" : "dos"}`, "unit: sectors"];
  let start = alignMegabytes * mebibyte;
  const add = (bytes: number, rest: string): void => {
    lines.push(`start=${sectors(start)}, size=${sectors(bytes)}, ${rest}`);
    start += bytes;
  };
  if (style === "disk") {
    add(efiMegabytes * mebibyte, 'type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system partition"');
    add(
      reservedMegabytes * mebibyte,
      'type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE, name="Microsoft reserved partition"',
    );
    add(windowsBytes, 'type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="Basic data partition"');
    // Required, and without a letter: 0x8000000000000001.
    const hidden = 'attrs="RequiredPartition,GUID:63", name="Recovery partition"';
    if (recoveryBytes > 0) add(recoveryBytes, `type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC, ${hidden}`);
  } else {
    add(systemMegabytes * mebibyte, "type=7, bootable");
    add(windowsBytes, "type=7");
    if (recoveryBytes > 0) add(recoveryBytes, "type=27");
  }
  await runOrThrow(
    "sfdisk",
    ["--quiet", "--no-reread", "--no-tell-kernel", disk],
    signal,
    `${lines.join("\n")}\n`,
  );
}

/** mtools write into the disk's file, at the partition's place. */
async function fillEfiPartition(disk: string, { boot, sectorBytes, signal }: DiskWork): Promise<void> {
  const place = `${disk}@@${alignMegabytes * mebibyte}`;
  const geometry = ["-T", String((efiMegabytes * mebibyte) / sectorBytes), "-h", "255", "-s", "63"];
  const hidden = ["-H", String((alignMegabytes * mebibyte) / sectorBytes)];
  // A size of sectors is a power of two for mformat, 0 for 128 bytes.
  const size = ["-S", String(Math.log2(sectorBytes) - 7)];
  const words = ["-i", place, "-F", "-v", "SYSTEM", ...size, ...geometry, ...hidden, "::"];
  await runOrThrow("mformat", words, signal);
  const entries = (await readdir(boot.root)).map((name) => join(boot.root, name));
  await runOrThrow("mcopy", ["-s", "-n", "-o", "-Q", "-i", place, ...entries, "::/"], signal);
}

/** The active partition, with GRUB in front of it in the place of boot sectors that no image has. */
async function fillSystemPartition(
  disk: string,
  { boot, folder, sectorBytes, signal }: DiskWork,
): Promise<void> {
  const startBytes = alignMegabytes * mebibyte;
  const wish = {
    path: join(folder, "system.ntfs"),
    label: "System Reserved",
    bytes: systemMegabytes * mebibyte,
    startBytes,
    sectorBytes,
  };
  await makeVolumeOfFolder(boot.root, wish, signal);
  await copyInto(disk, wish.path, startBytes, signal);
  await putGrub(disk, { startBytes, folder, signal });
}
