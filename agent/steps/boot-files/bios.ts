/**
 * An applied Windows that a BIOS starts. Windows' own boot sectors are in no file of an image, so Debian's GRUB stands in
 * for them: boot.img in the first sector and core.img in the gap before the first partition ("BIOS installation", GRUB
 * manual) start bootmgr, and from there on all is Windows' own: bootmgr, \Boot\BCD, winload.exe.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../../../contract/limits.ts";
import { bootExtras, bootFilePlans } from "../../../windows/boot-files.ts";
import { biosSectorBytes } from "../../../windows/grub-loader.ts";
import { runTool } from "../../platform/run-tool.ts";
import { codes } from "../codes.ts";
import type { Destination } from "../images/destination.ts";
import type { PartitionFound } from "../partitioning/read-table.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { showPlan } from "../show-plan.ts";
import { findInAnyCase, hostPath, usedLetters, volumeOf } from "../volumes.ts";
import { hasOtherBootCode, makeGrub, writeGrub } from "./grub.ts";
import { makeStore } from "./store.ts";

const plan = bootFilePlans.bios;

type Table = NonNullable<Destination["table"]>;

/** Throws StepFailure for a disk that cannot be started from, or a PE without GRUB. */
export async function checkBios(context: StepContext, table: Table): Promise<void> {
  const active = activePartition(table);
  const { output } = await runOrFail(context, `read the sectors of ${table.disk}`, {
    command: ["lsblk", "--nodeps", "--noheadings", "--output", "LOG-SEC", table.disk],
  });
  if (Number(output) !== biosSectorBytes) {
    throw new StepFailure(codes.notSupported, `A BIOS starts no disk with sectors of ${output.trim()} bytes`);
  }
  await makeGrub(context, table, active);
}

const noManager = "The image has no Windows\\Boot\\PCAT\\bootmgr: it is a Windows that no BIOS starts";

/** Throws StepFailure when the image of the WIM has nothing that a BIOS starts. */
export async function checkBootManager(
  context: StepContext,
  { first, index }: { first: string; index: number },
): Promise<void> {
  const { exitCode } = await context.tools.run({
    command: ["wimlib-imagex", "dir", first, String(index), "--path=/Windows/Boot/PCAT/bootmgr"],
    environment: { WIMLIB_IMAGEX_IGNORE_CASE: "1" },
  });
  // Whatever else may be wrong with the file, applying it says best.
  if (exitCode === wimPathMissing) throw new StepFailure(codes.notSupported, noManager);
}

/** WIMLIB_ERR_PATH_DOES_NOT_EXIST of wimlib.h. */
const wimPathMissing = 49;

/** Shows what starts from the disk now and will not any more, where there is such a thing. */
export async function showLostStart(context: StepContext, table: Table): Promise<void> {
  const active = activePartition(table);
  const lost: string[] = [];
  if (await hasOtherBootCode(table.disk, await makeGrub(context, table, active))) {
    lost.push(`The boot code of ${table.disk} is replaced; what it starts now will not start any more`);
  }
  if (await hasBootStore(context, table, active)) {
    const store = `The boot configuration of ${active.device} (\\Boot\\BCD)`;
    lost.push(`${store} is replaced; what it starts now will not start any more`);
  }
  if (lost.length > 0) await showPlan(context, lost);
}

async function hasBootStore(context: StepContext, table: Table, active: PartitionFound): Promise<boolean> {
  if (active.fileSystem === "vfat") {
    const command = ["mdir", "-b", "-i", active.device, "::/Boot/BCD"];
    return (await context.tools.run({ command })).exitCode === 0;
  }
  return withVolume(context, { table, active, toRead: true }, async (root) =>
    existsSync(await findInAnyCase(root, ["Boot", "BCD"])),
  );
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
  else await withVolume(context, { table, active, toRead: false }, (root) => copyToVolume(staged, root));
  await writeGrub(table.disk, await makeGrub(context, table, active));
}

/** As bcdboot does it: bootmgr at the root, what is beside it in the image below Boot, with fonts and resources. */
async function stageFiles(windows: string, store: string, staged: string): Promise<void> {
  const source = await findInAnyCase(windows, ["Boot", plan.source]);
  const manager = await findInAnyCase(source, [plan.manager]);
  if (!existsSync(manager)) {
    throw new StepFailure(codes.notSupported, noManager);
  }
  const boot = join(staged, plan.folder);
  await mkdir(boot, { recursive: true });
  await copyFile(manager, join(staged, plan.managerPlace("amd64")));
  for (const name of await readdir(source)) {
    if (plan.goesAlong(name)) await cp(join(source, name), join(boot, name), { recursive: true });
  }
  for (const name of bootExtras) {
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
async function withVolume<Result>(
  context: StepContext,
  { active, table, toRead }: { table: Table; active: PartitionFound; toRead: boolean },
  use: (root: string) => Promise<Result>,
): Promise<Result> {
  const { device, number } = active;
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
    await runOrFail(context, `mount ${device}`, {
      command: ["ntfs-3g", ...(toRead ? ["-o", "ro"] : []), device, folder],
    });
    return await use(folder);
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
