/**
 * Volley's Linux PE as a Windows leaves for it, with UEFI alone: kernel, initial file system and the agent's state lie on the EFI
 * system partition, since the signed GRUB reads no NTFS and a volume of BitLocker's would be closed to it.
 */
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, stat, statfs, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import type { BootImageFacts } from "../../contract/boot-image.ts";
import { limits } from "../../contract/limits.ts";
import type { WindowsTools } from "../platform/windows/tools.ts";
import { linuxStateFolder } from "../state-folder.ts";
import { stagedMark } from "./carried-state.ts";
import {
  efiConfiguration,
  isGrubTaken,
  loaderFolder,
  loaderNames,
  peNames,
  removeEfiFiles,
  writeEfiFiles,
} from "./efi-place.ts";
import { packNewc } from "./newc-archive.ts";
import { atEfiVolume, type LetterRoot } from "./windows-firmware.ts";

export const linuxPeNames = ["vmlinuz", "initrd.zst", ...loaderNames] as const;
const [kernelName, initrdName, stateName] = peNames;
/** In the folder of the files: what the kernel is told. */
const commandLineName = "command-line";

export interface EfiWorld {
  tools: WindowsTools;
  rootOf: LetterRoot;
}

/** Why it cannot be started from this Windows' disk, a sentence; null when it can. */
export async function linuxPeObstacle(
  facts: BootImageFacts,
  firmware: "bios" | "uefi" | null,
  { rootOf, tools }: EfiWorld,
): Promise<string | null> {
  if (firmware !== "uefi") return "A BIOS has nothing on a Windows disk that starts the Linux PE.";
  const files = linuxPeNames.flatMap((name) => facts.files[name] ?? []);
  if (files.length < linuxPeNames.length) return "The site's Linux PE is not whole.";
  const needed = limits.stagedEfiBytesKept + files.reduce((sum, { bytes }) => sum + bytes, 0);
  const sentence = async (folder: string): Promise<string | null> => {
    if (await isGrubTaken(folder)) return 'The EFI system partition has a folder "grub" of its own.';
    const { bavail, bsize } = await statfs(folder);
    const isThere = existsSync(join(folder, ...loaderFolder, initrdName));
    if (isThere || bavail * bsize >= needed) return null;
    return `The EFI system partition has ${bavail * bsize} bytes free, and the Linux PE needs ${needed}: a Windows PE does without.`;
  };
  return atEfiVolume(tools, rootOf, sentence).catch(() => "The EFI system partition cannot be mounted.");
}

export const keepCommandLine = (folder: string, commandLine: string): Promise<void> =>
  writeFile(join(folder, commandLineName), commandLine);

/** `from`: the folder of the files; `carried`: that of the agent's state, as it goes along. */
export async function writeLinuxPe(
  { carried, deploymentId, from }: { from: string; carried: string; deploymentId: string },
  { rootOf, tools }: EfiWorld,
): Promise<void> {
  const state = await packState(carried, deploymentId);
  const [shim, grub, commandLine] = await Promise.all([
    readFile(join(from, "shimx64.efi")),
    readFile(join(from, "grubx64.efi")),
    readFile(join(from, commandLineName), "utf8"),
  ]);
  const on = (name: string): string => `/${[...loaderFolder, name].join("/")}`;
  const text = efiConfiguration({
    find: null,
    kernel: on(kernelName),
    initrds: [on(stateName), on(initrdName)],
    commandLine,
  });
  await atEfiVolume(tools, rootOf, async (volume) => {
    await writeEfiFiles(volume, { "shimx64.efi": shim, "grubx64.efi": grub }, text);
    const folder = join(volume, ...loaderFolder);
    await writeFile(join(folder, stateName), state, { flush: true });
    for (const name of [kernelName, initrdName]) await copyFile(join(from, name), join(folder, name));
  });
}

/** Rejects with E_STAGING. */
export const removeLinuxPe = ({ rootOf, tools }: EfiWorld): Promise<void> =>
  atEfiVolume(tools, rootOf, (volume) => removeEfiFiles(volume));

async function packState(carried: string, deploymentId: string): Promise<Buffer> {
  const files = [{ path: stagedMark, mode: 0o644, content: Buffer.from(`${deploymentId}\n`) }];
  for (const name of await readdir(carried, { recursive: true })) {
    if (!(await stat(join(carried, name))).isFile()) continue;
    const path = `${linuxStateFolder}/${name.split(sep).join("/")}`;
    files.push({ path, mode: 0o600, content: await readFile(join(carried, name)) });
  }
  return packNewc(files);
}
