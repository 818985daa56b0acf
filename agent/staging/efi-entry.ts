/**
 * One start by UEFI's firmware, where no GRUB of the machine can be told: an entry of its own in no boot order, and BootNext,
 * which the firmware forgets before it starts what that names (UEFI specification, "Boot Manager"). The order is never changed.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { BootEntry, StagedFiles } from "./boot-entry.ts";
import { type EfiGround, type EfiPartition, firmwareEntries } from "./efi-ground.ts";
import {
  efiConfiguration,
  efiLabel,
  isGrubTaken,
  loaderNames,
  loaderPath,
  removeEfiFiles,
  writeEfiFiles,
} from "./efi-place.ts";
import { isPlainDevice, pathOnVolume } from "./volume.ts";

/** What Debian's signed GRUB reads and is found by its path alone. */
const readable = new Set(["ext2", "ext3", "ext4", "vfat", "xfs"]);

export function efiEntry(ground: EfiGround): BootEntry {
  return {
    kind: "efi",
    copies: 1,
    needs: loaderNames,
    async obstacle(volume) {
      if (!ground.isUefi()) return "The firmware is no UEFI.";
      if ((await ground.run(["efibootmgr"])) === null) {
        return "efibootmgr (package efibootmgr) is not installed, or the firmware's variables are closed to it.";
      }
      if (!isPlainDevice(volume.device) || !readable.has(volume.fileSystem)) {
        return `The PE's GRUB does not read ${volume.fileSystem} on ${volume.device}.`;
      }
      if (volume.uuid === "") return `The file system at ${volume.mountPoint} has no UUID to find it by.`;
      const [partition] = await ground.partitions(volume.device);
      if (partition === undefined) return "There is no EFI system partition.";
      return ground.atFiles(partition, (folder) => obstacleAt(folder, partition, ground)).catch(sentence);
    },
    async arm(files) {
      const [partition] = await ground.partitions(files.volume.device);
      if (partition === undefined) throw new VolleyError("E_STAGING", "The EFI system partition is gone");
      await ground.atFiles(partition, (folder) => writeStart(folder, files));
      await dropEfiEntries(ground);
      const { device, disk, number } = partition;
      const place = ["--disk", disk, "--part", String(number), "--loader", loaderPath];
      const made = await ground.run(["efibootmgr", "--create-only", ...place, "--label", efiLabel]);
      const id = (await firmwareEntries(ground))?.ours[0];
      if (made === null || id === undefined) {
        throw new VolleyError("E_STAGING", `The firmware takes no boot entry for ${device}`);
      }
      if ((await ground.run(["efibootmgr", "--bootnext", id])) === null) {
        throw new VolleyError("E_STAGING", "The firmware does not take what is to start next");
      }
    },
    async disarm() {
      if (!ground.isUefi()) return;
      await dropEfiEntries(ground);
      const tries = await Promise.allSettled(
        (await ground.partitions(null)).map((one) => ground.atFiles(one, (folder) => removeEfiFiles(folder))),
      );
      // One on another disk that cannot be read is no reason to try for ever.
      const failed = tries.find((one) => one.status === "rejected");
      if (failed !== undefined && !tries.some(({ status }) => status === "fulfilled")) {
        throw failed.reason;
      }
    },
  };
}

async function obstacleAt(
  folder: string,
  { device }: EfiPartition,
  ground: EfiGround,
): Promise<string | null> {
  if (!existsSync(join(folder, "EFI"))) return `The EFI system partition ${device} starts nothing.`;
  if (await isGrubTaken(folder)) return `The EFI system partition ${device} has a folder "grub" of its own.`;
  const free = await ground.freeBytes(folder);
  if (free >= limits.stagedLoaderBytes) return null;
  return `The EFI system partition ${device} has ${free} bytes free, and ${limits.stagedLoaderBytes} are needed.`;
}

async function writeStart(
  folder: string,
  { commandLine, initrds, kernel, volume }: StagedFiles,
): Promise<void> {
  const on = (path: string): string => pathOnVolume(volume, path);
  const text = efiConfiguration({
    find: `search --no-floppy --fs-uuid --set=root ${volume.uuid}`,
    kernel: on(kernel),
    initrds: initrds.map(on),
    commandLine,
  });
  const [shim, grub] = await Promise.all(loaderNames.map((name) => readFile(join(dirname(kernel), name))));
  if (shim === undefined || grub === undefined) throw new VolleyError("E_STAGING", "A boot loader is gone");
  await writeEfiFiles(folder, { "shimx64.efi": shim, "grubx64.efi": grub }, text);
}

/** The firmware has no entry of ours, and starts none next. Rejects with E_STAGING. */
async function dropEfiEntries(ground: Pick<EfiGround, "run">): Promise<void> {
  const found = await firmwareEntries(ground);
  if (found === null) {
    throw new VolleyError("E_STAGING", "efibootmgr does not tell the firmware's boot entries");
  }
  const { ours, startsNext } = found;
  const commands: [string, ...string[]][] = ours.map((id) => [
    "efibootmgr",
    "--bootnum",
    id,
    "--delete-bootnum",
  ]);
  // First: nothing is to start what is not there.
  if (startsNext) commands.unshift(["efibootmgr", "--delete-bootnext"]);
  for (const command of commands) {
    if ((await ground.run(command)) === null) {
      throw new VolleyError("E_STAGING", `The firmware does not take: ${command.join(" ")}`);
    }
  }
}

const sentence = (error: unknown): string => `${error instanceof Error ? error.message : String(error)}.`;
