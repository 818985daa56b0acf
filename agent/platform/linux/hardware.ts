/** The machine itself: SMBIOS from sysfs, what systeminformation adds, network adapters, firmware. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces, totalmem } from "node:os";
import { join } from "node:path";
import { limits } from "../../../contract/limits.ts";
import { askInventory, meaningful, nothingKnown, type Inventory } from "../inventory.ts";
import type { Hardware } from "../platform.ts";
import { readMounts } from "./mounts.ts";

/** The parts of the system that are read; tests point them at folders of their own. */
export interface SystemRoots {
  sys: string;
  proc: string;
}
export const systemRoots: SystemRoots = { sys: "/sys", proc: "/proc" };

export async function identify(selfCommand: readonly string[], roots = systemRoots): Promise<Hardware> {
  const smbios = readSmbios(roots);
  const complete = smbios.smbiosUuid !== null && smbios.serial !== null && smbios.model !== null;
  const asked = complete ? null : await askInventory(selfCommand, limits.machineIdentificationMs - 1000);
  const inventory = asked ?? nothingKnown;
  return {
    smbiosUuid: smbios.smbiosUuid ?? inventory.smbiosUuid,
    serial: smbios.serial ?? inventory.serial,
    manufacturer: smbios.manufacturer ?? inventory.manufacturer,
    model: smbios.model ?? inventory.model,
    macAddresses: readMacAddresses(roots),
    firmware: readFirmware(roots),
    operatingSystem: readOperatingSystem(roots),
    memoryBytes: totalmem(),
  };
}

export function readSmbios(roots: SystemRoots): Inventory {
  const folder = join(roots.sys, "class/dmi/id");
  return {
    smbiosUuid: meaningful(readText(join(folder, "product_uuid")))?.toLowerCase() ?? null,
    serial: meaningful(readText(join(folder, "product_serial"))),
    manufacturer: meaningful(readText(join(folder, "sys_vendor"))),
    model: meaningful(readText(join(folder, "product_name"))),
  };
}

/** Null when it is not there or not for us to read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

/**
 * Wired adapters first, then wireless ones. Bridges, tunnels and the like have addresses that are made up or borrowed,
 * so they count only where there is no hardware at all, as in a container.
 */
export function readMacAddresses(roots: SystemRoots): string[] {
  const folder = join(roots.sys, "class/net");
  const wired: string[] = [];
  const wireless: string[] = [];
  const virtual: string[] = [];
  for (const name of listFolder(folder)) {
    const address = readText(join(folder, name, "address")) ?? "";
    if (name === "lo" || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) || /^(00:){5}00$/.test(address)) {
      continue;
    }
    if (readText(join(folder, name, "type")) !== "1") continue;
    if (!existsSync(join(folder, name, "device"))) virtual.push(address);
    else if (existsSync(join(folder, name, "wireless")) || existsSync(join(folder, name, "phy80211"))) {
      wireless.push(address);
    } else wired.push(address);
  }
  const hardware = [...wired, ...wireless];
  const found = hardware.length > 0 ? hardware : virtual.length > 0 ? virtual : addressesOfTheProcess();
  return [...new Set(found)].slice(0, limits.addressesPerMachine);
}

/** Where sysfs is not mounted. */
function addressesOfTheProcess(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && address.mac !== "00:00:00:00:00:00")
    .map((address) => address.mac.toLowerCase());
}

export function readFirmware(roots: SystemRoots): Hardware["firmware"] {
  if (existsSync(join(roots.sys, "firmware/efi"))) return "uefi";
  return process.arch === "x64" || process.arch === "ia32" ? "bios" : "unknown";
}

/** A PE runs from memory: its root is the initramfs. */
function readOperatingSystem(roots: SystemRoots): Hardware["operatingSystem"] {
  const root = readMounts(roots).findLast((mount) => mount.mountPoint === "/");
  return root !== undefined && ["rootfs", "ramfs", "tmpfs"].includes(root.fileSystem) ? "linux-pe" : "linux";
}

export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
