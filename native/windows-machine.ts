/**
 * What Windows says of the machine it runs on, asked of the system itself: WinPE has no PowerShell and often no WMI.
 * On another system every function here throws an Error. On Windows none does: what the system does not tell is null
 * or left out, and nothing waits for the network.
 */
import { loadAddon } from "./addon.ts";

/** Texts as the firmware has them, without blanks at either end; placeholders such as "To be filled" are left in. */
export interface SmbiosFacts {
  /** Such as "3.2"; null where the firmware has no table, and then everything else is null too. */
  version: string | null;
  /** Lower case, in the byte order of SMBIOS 2.6 and later; null where it is all zeros or all ones. */
  uuid: string | null;
  manufacturer: string | null;
  model: string | null;
  /** The manufacturer's revision of the model; Lenovo puts the name people know here. */
  modelVersion: string | null;
  serial: string | null;
  skuNumber: string | null;
  family: string | null;
  boardManufacturer: string | null;
  boardProduct: string | null;
  boardSerial: string | null;
  chassisSerial: string | null;
  assetTag: string | null;
  /** SMBIOS 7.4.1, such as 3 (desktop) and 9 (laptop). */
  chassisType: number | null;
  firmwareVendor: string | null;
  firmwareVersion: string | null;
  firmwareDate: string | null;
}

export interface WindowsSystem {
  /** Windows PE: started from a boot image, gone at the next restart. */
  winPe: boolean;
  /** Whether this process has an administrator's rights, elevated. */
  elevated: boolean;
  firmware: "bios" | "uefi" | "unknown";
  /** Null where the firmware has no Secure Boot, as a BIOS. */
  secureBoot: boolean | null;
  /** The family of the Trusted Platform Module; null where there is none or the system has no driver for it. */
  tpm: "1.2" | "2.0" | null;
  /** On mains (or without a battery); null where the system does not know. */
  mainsPower: boolean | null;
  batteryPercent: number | null;
  /** Such as "C:\\Windows". */
  windowsFolder: string;
  /** Major, minor and build as in "10.0.26100". */
  version: string;
}

export interface WindowsAdapter {
  /** As people see it, such as "Ethernet 2". */
  name: string;
  description: string;
  /** "00:1a:2b:3c:4d:5e", or null. */
  macAddress: string | null;
  kind: "wired" | "wireless" | "loopback" | "other";
  /** Whether a piece of hardware is behind it, and not a program; null where the system does not say. */
  hardware: boolean | null;
  up: boolean;
  /** IPv4. */
  addresses: { address: string; prefixBits: number }[];
  gateways: string[];
  mtuBytes: number | null;
  speedMbps: number | null;
}

export interface WindowsPartition {
  /** From 1, as diskpart counts. */
  number: number;
  offsetBytes: number;
  sizeBytes: number;
  /** Lower-case GUID on GPT, "0x07" on MBR. */
  type: string;
  /** Of a GPT partition; empty otherwise. */
  name: string;
  /** Such as "C:\\"; a volume may have none and a folder may be one. */
  mountPoints: string[];
  /** "\\\\?\\Volume{…}\\"; null without a volume. */
  volume: string | null;
  /** "NTFS", "FAT32", …; empty where it is not known, as on a locked volume. */
  fileSystem: string;
  label: string;
}

/** A disk that has a medium. */
export interface WindowsDisk {
  number: number;
  /** "\\\\.\\PhysicalDrive0" */
  path: string;
  sizeBytes: number;
  sectorBytes: number;
  physicalSectorBytes: number;
  vendor: string;
  model: string;
  serial: string;
  /** "nvme", "sata", "usb", …; "virtual" is made of a file or memory; "unknown". */
  bus: string;
  /** The medium leaves its drive, as Windows has it: a disk in a USB case is not removable. */
  removable: boolean;
  readOnly: boolean;
  offline: boolean;
  style: "gpt" | "mbr" | "raw";
  /** Names the disk after a restart: what the device itself says, or null. */
  uniqueId: string | null;
  partitions: WindowsPartition[];
  /**
   * What runs from it: "windows" (the system's folder), "program" (this executable), "boot medium" (what WinPE was
   * started from), "page file".
   */
  systemUses: ("windows" | "program" | "boot medium" | "page file")[];
}

interface WindowsAddon {
  windowsSmbios(): SmbiosFacts;
  windowsSystem(): WindowsSystem;
  windowsAdapters(): WindowsAdapter[];
  windowsDisks(): WindowsDisk[];
}

function windowsAddon(): WindowsAddon {
  if (process.platform !== "win32") throw new Error("This is known of a machine that runs Windows only");
  return loadAddon() as WindowsAddon;
}

export function windowsSmbios(): SmbiosFacts {
  return windowsAddon().windowsSmbios();
}

export function windowsSystem(): WindowsSystem {
  return windowsAddon().windowsSystem();
}

export function windowsAdapters(): WindowsAdapter[] {
  return windowsAddon().windowsAdapters();
}

/** By number. Disks that this process may not open are left out: it takes an administrator. */
export function windowsDisks(): WindowsDisk[] {
  return windowsAddon().windowsDisks();
}
