/** What starts an applied Windows: bcdboot in Windows PE; in a Linux PE its files and its boot configuration. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import type { Destination } from "../images/destination.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { targetArchitecture } from "../unattend/place.ts";
import { findInAnyCase, hostPath, isLinux } from "../volumes.ts";
import { runDiskpart, windowsVolumeAt } from "../windows/volumes.ts";
import { recoveryVariable } from "../windows/recovery.ts";
import { bcdText } from "./bcd.ts";

const efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** Before anything is written: whether what is to be applied can be started. Throws StepFailure when it cannot. */
export function checkBootable(context: StepContext, destination: Destination): void {
  if (isLinux(context)) bootPlace(destination);
}

function bootPlace({ table }: Destination) {
  if (table === null) throw new Error("a destination on Linux has its table");
  if (table.style === "MBR") {
    throw new StepFailure(
      codes.notSupported,
      "A Linux PE cannot write the boot sectors of a BIOS: apply the image in Windows PE, or deploy the disk as a block image",
    );
  }
  const system = table.partitions.find(({ typeCode }) => typeCode === efiSystem);
  if (system === undefined) {
    throw new StepFailure(codes.notFound, `${table.disk} has no EFI system partition to start from`);
  }
  return { system, table };
}

/** In Windows PE the recovery image goes to its partition too. */
export async function makeBootable(context: StepContext, destination: Destination): Promise<void> {
  if (!isLinux(context)) {
    await runOrFail(context, "write the boot files", {
      command: ["bcdboot.exe", `${destination.letter}:\\Windows`],
    });
    await placeRecovery(context, destination.letter);
    return;
  }
  const windows = await hostPath(context, `${destination.letter}:\\Windows`);
  const { system, table } = bootPlace(destination);
  await writeEfiFiles(context, windows, system.device, {
    diskGuid: await diskGuidOf(context, table.disk),
    partitionGuid: table.partition.guid,
  });
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
    const lines = [`select disk ${disk}`, `select partition ${partition}`, `remove letter=${letter}`];
    await runDiskpart(context, "hide the recovery partition", lines);
  }
}

async function diskGuidOf(context: StepContext, disk: string): Promise<string> {
  const { output } = await runOrFail(context, `read the identifier of ${disk}`, {
    command: ["sfdisk", "--disk-id", disk],
  });
  return output.trim();
}

/** Where firmware looks for a boot manager when it has no entry of its own: "Removable Media Boot Behavior" (UEFI). */
const firmwareDefault = { amd64: "bootx64.efi", x86: "bootia32.efi", arm64: "bootaa64.efi" } as const;

/**
 * As bcdboot does it: Windows\Boot\EFI to EFI\Microsoft\Boot, fonts and resources beside it, the boot manager once more
 * where firmware looks by itself, and a store made of the image's template. mtools need no driver for FAT.
 */
async function writeEfiFiles(
  context: StepContext,
  windows: string,
  device: string,
  guids: { diskGuid: string; partitionGuid: string },
): Promise<void> {
  const folder = join(await workFolder(context), `boot-${randomUUID()}`);
  await mkdir(folder);
  try {
    const store = await makeStore(context, windows, folder, guids);
    const source = await findInAnyCase(windows, ["Boot", "EFI"]);
    const manager = await findInAnyCase(source, ["bootmgfw.efi"]);
    await stat(manager);
    for (const name of ["EFI", "EFI/Microsoft", "EFI/Microsoft/Boot", "EFI/Boot"]) {
      // A folder that is there already is no failure: another operating system may start from the partition.
      await context.tools.run({ command: ["mmd", "-D", "s", "-i", device, `::/${name}`] });
    }
    const copy = async (from: readonly string[], to: string): Promise<void> => {
      await runOrFail(context, `copy boot files to ${device}`, {
        command: ["mcopy", "-s", "-o", "-n", "-Q", "-i", device, ...from, `::/EFI/${to}`],
      });
    };
    await copy(await entriesOf(source), "Microsoft/Boot");
    const beside = ["Fonts", "Resources"].map((name) => findInAnyCase(windows, ["Boot", name]));
    for (const path of await Promise.all(beside)) {
      if (existsSync(path)) await copy([path], "Microsoft/Boot");
    }
    await copy([manager], `Boot/${firmwareDefault[await targetArchitecture(context)]}`);
    await copy([store], "Microsoft/Boot/BCD");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  // The image's own store, where it has one, would name another machine's disk.
  const names = (await readdir(folder)).filter((name) => !/^bcd/i.test(name));
  return names.map((name) => join(folder, name));
}

async function makeStore(
  context: StepContext,
  windows: string,
  folder: string,
  guids: { diskGuid: string; partitionGuid: string },
): Promise<string> {
  const store = join(folder, "BCD");
  const text = join(folder, "bcd.reg");
  await copyFile(await findInAnyCase(windows, ["System32", "config", "BCD-Template"]), store);
  const locale = context.variables.get("OSDWindowsSettingsUILanguage") || "en-US";
  await writeFile(text, bcdText({ ...guids, loaderId: `{${randomUUID()}}`, locale }));
  await runOrFail(context, "write the boot configuration", {
    command: ["hivexregedit", "--merge", "--prefix", "HKEY_LOCAL_MACHINE\\BCD", store, text],
  });
  return store;
}
