/**
 * What lies on an EFI system partition for one start of the PE: Debian's signed shim and GRUB, so that Secure Boot stays on,
 * and what GRUB is to do. Its image for the network, which is what boot media have, reads /grub/grub.cfg of the volume that it
 * was started from; shim starts the grubx64.efi beside itself.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BootFileName } from "../../contract/boot-image.ts";

export const loaderNames = ["shimx64.efi", "grubx64.efi"] as const satisfies readonly BootFileName[];
/** What firmware starts, as UEFI writes a path. */
export const loaderPath = "\\EFI\\Volley\\shimx64.efi";
/** What the firmware calls an entry of ours begins so. */
export const efiLabel = "Volley PE";

export const loaderFolder = ["EFI", "Volley"];
/** Beside them where no other volume can have them: kernel, initial file system, the agent's state. */
export const peNames = ["vmlinuz", "initrd.zst", "state.cpio"] as const;
const grubFolder = "grub";
const configuration = "grub.cfg";
const mark = "### volley: one start of its PE; the agent takes this away ###\n";

/**
 * `find`: a line that sets GRUB's root to where the files are. Whatever fails ends in a restart, by which the firmware starts
 * what it did before.
 */
export function efiConfiguration(start: {
  find: string | null;
  kernel: string;
  initrds: readonly string[];
  commandLine: string;
}): string {
  const { commandLine, find, initrds, kernel } = start;
  return `${mark}set superusers=""
${find === null ? "" : `${find}\n`}if linux ${kernel} ${commandLine}; then
  if initrd ${initrds.join(" ")}; then boot; fi
fi
reboot
`;
}

/** Whether /grub of the volume is somebody else's: ours comes after our other folder. */
export async function isGrubTaken(volume: string): Promise<boolean> {
  if (!existsSync(join(volume, grubFolder))) return false;
  return !existsSync(join(volume, ...loaderFolder)) || !(await isOurs(volume));
}

async function isOurs(volume: string): Promise<boolean> {
  const folder = join(volume, grubFolder);
  const names = await readdir(folder).catch(() => []);
  if (names.some((name) => name !== configuration)) return false;
  const text = await readFile(join(folder, configuration), "utf8").catch(() => "");
  // Whoever was interrupted had written a part of it.
  return text.startsWith(mark) || mark.startsWith(text);
}

/** `loaders`: bytes of both, by their names. */
export async function writeEfiFiles(
  volume: string,
  loaders: Readonly<Record<(typeof loaderNames)[number], Buffer>>,
  text: string,
): Promise<void> {
  const folder = join(volume, ...loaderFolder);
  await mkdir(folder, { recursive: true });
  for (const name of loaderNames) await writeFile(join(folder, name), loaders[name], { flush: true });
  await mkdir(join(volume, grubFolder), { recursive: true });
  await writeFile(join(volume, grubFolder, configuration), text, { flush: true });
}

/** What is ours, whether or not all of it is there. */
export async function removeEfiFiles(volume: string): Promise<void> {
  const folder = join(volume, ...loaderFolder);
  if (!existsSync(folder)) return;
  if (await isOurs(volume)) {
    await rm(join(volume, grubFolder, configuration), { force: true });
    await rmdir(join(volume, grubFolder)).catch(() => {});
  }
  for (const name of [...loaderNames, ...peNames]) await rm(join(folder, name), { force: true });
  // Whatever else somebody has put there stays.
  await rmdir(folder).catch(() => {});
}
