/** What starts an applied Windows: bcdboot in Windows PE; in a Linux PE its files and its boot configuration. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSource } from "../images/apply.ts";
import type { Destination } from "../images/destination.ts";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath, isLinux, numberedDisks, virtualDisksVariable } from "../volumes.ts";
import { recoveryVariable } from "../windows/recovery.ts";
import { hideVolume, windowsVolumeAt } from "../windows/volumes.ts";
import { checkBios, checkBootManager, showLostStart, startByBios } from "./bios.ts";
import { removeEntriesBefore } from "./partitions-before.ts";
import { efiPartition, startByUefi } from "./uefi.ts";

/** Before anything is written: whether what is to be applied can be started. Throws StepFailure when it cannot. */
export async function checkBootable(context: StepContext, { table }: Destination): Promise<void> {
  if (!isLinux(context)) return;
  if (table === null) throw new Error("a destination on Linux has its table");
  await refuseVirtualDisk(context, table.disk);
  if (table.style === "MBR") await checkBios(context, table);
  else efiPartition(table);
}

/** A Windows in a VHD is started by an entry with the file's path, which no boot configuration that is written here has. */
async function refuseVirtualDisk(context: StepContext, path: string): Promise<void> {
  const own = context.variables.get(virtualDisksVariable).split(" ");
  const number = (await numberedDisks(context)).findIndex((disk) => disk.path === path);
  if (!own.includes(String(number))) return;
  const text = `Disk ${number} stands for a VHD, and a Windows in one is made to start by Windows PE alone`;
  throw new StepFailure(codes.notSupported, text);
}

/** Before anything is written: whether this image can be started there, and what will then not start any more. */
export async function checkStart(
  context: StepContext,
  { table }: Destination,
  { source, index }: { source: ImageSource; index: number },
): Promise<void> {
  if (table?.style !== "MBR") return;
  if (source.kind === "wim") await checkBootManager(context, { first: source.first, index });
  await showLostStart(context, table);
}

/** In Windows PE the recovery image goes to its partition too. */
export async function makeBootable(context: StepContext, destination: Destination): Promise<void> {
  if (!isLinux(context)) {
    await runOrFail(context, "write the boot files", {
      command: ["bcdboot.exe", `${destination.letter}:\\Windows`],
    });
    await removeEntriesBefore(context);
    await placeRecovery(context, destination.letter);
    return;
  }
  const { table } = destination;
  if (table === null) throw new Error("a destination on Linux has its table");
  const windows = await hostPath(context, `${destination.letter}:\\Windows`);
  const work = join(await workFolder(context), `boot-${randomUUID()}`);
  await mkdir(work);
  try {
    if (table.style === "MBR") {
      await startByBios(context, { letter: destination.letter, table, windows, work });
    } else await startByUefi(context, { table, windows, work });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * "Deploy Windows RE": the recovery image of the applied Windows goes to the recovery partition that the sequence made,
 * which has a letter only for as long as that takes.
 */
async function placeRecovery(context: StepContext, windows: string): Promise<void> {
  const [disk = "", partition = ""] = context.variables.get(recoveryVariable).split(",");
  const image = await hostPath(context, `${windows}:\\Windows\\System32\\Recovery\\Winre.wim`);
  if (partition === "" || !existsSync(image)) return;
  const letter = await windowsVolumeAt(context, Number(disk), Number(partition));
  try {
    const target = await hostPath(context, `${letter}:\\Recovery\\WindowsRE`);
    await mkdir(target, { recursive: true });
    await copyFile(image, join(target, "Winre.wim"));
    const command = [
      "reagentc.exe",
      "/setreimage",
      "/path",
      `${letter}:\\Recovery\\WindowsRE`,
      "/target",
      `${windows}:\\Windows`,
    ];
    await runOrFail(context, "name the recovery image", { command });
  } finally {
    await hideVolume(context, { disk: Number(disk), partition: Number(partition), letter });
  }
}
