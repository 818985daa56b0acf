/**
 * One start of a Windows PE from this Windows' disk by the boot manager that is there, with BIOS and UEFI, Secure Boot and a
 * BitLocker that is suspended: "BCDEdit /create", "/set", "/bootsequence" and "Boot from a RAM disk" (Microsoft).
 */
import type { WindowsTools } from "../platform/windows/tools.ts";
import { mustRun } from "./must-run.ts";

export interface WinpeStart {
  /** Identifiers of our own for the two objects, so that they are known before they are there. */
  loaderId: string;
  ramdiskId: string;
  /** Of the files: "C:" and "\\Windows\\Volley\\PE". */
  drive: string;
  folder: string;
  firmware: "bios" | "uefi";
}

export const winpeNames = ["boot.wim", "boot.sdi"] as const;
const description = "Volley";

/** Where boot.sdi is. An object of our own: {ramdiskoptions} may be another program's. Rejects with E_STAGING. */
export async function createRamdisk(
  { drive, folder, ramdiskId }: WinpeStart,
  tools: WindowsTools,
): Promise<void> {
  await mustRun(tools, ["bcdedit.exe", "/create", ramdiskId, "/d", description, "/device"]);
  const set = settingOf(ramdiskId, tools);
  await set("ramdisksdidevice", `partition=${drive}`);
  await set("ramdisksdipath", `${folder}\\boot.sdi`);
}

/** It is in no menu. Rejects with E_STAGING. */
export async function createLoader(start: WinpeStart, tools: WindowsTools): Promise<void> {
  const { drive, firmware, folder, loaderId, ramdiskId } = start;
  await mustRun(tools, ["bcdedit.exe", "/create", loaderId, "/d", description, "/application", "osloader"]);
  const set = settingOf(loaderId, tools);
  const device = `ramdisk=[${drive}]${folder}\\boot.wim,${ramdiskId}`;
  await set("device", device);
  await set("osdevice", device);
  await set("path", `\\windows\\system32\\winload.${firmware === "uefi" ? "efi" : "exe"}`);
  await set("systemroot", "\\windows");
  await set("detecthal", "yes");
  await set("winpe", "yes");
}

/** The next start, and that alone; what others wanted next comes after it. Rejects with E_STAGING. */
export async function startOnce({ loaderId }: WinpeStart, tools: WindowsTools): Promise<void> {
  await mustRun(tools, ["bcdedit.exe", "/bootsequence", loaderId, "/addfirst"]);
}

const settingOf =
  (id: string, tools: WindowsTools) =>
  (name: string, value: string): Promise<string> =>
    mustRun(tools, ["bcdedit.exe", "/set", id, name, value]);
