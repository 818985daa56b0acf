/** What the addon asks Windows for. Handed in, so that everything made of it is tried on any system. */
import {
  windowsAdapters,
  windowsDisks,
  windowsSmbios,
  windowsSystem,
  type SmbiosFacts,
  type WindowsAdapter,
  type WindowsDisk,
  type WindowsSystem,
} from "../../../native/windows-machine.ts";

export type { SmbiosFacts, WindowsAdapter, WindowsDisk, WindowsSystem };

export interface WindowsFacts {
  smbios(): SmbiosFacts;
  system(): WindowsSystem;
  adapters(): WindowsAdapter[];
  /** By number; only what this process may open. */
  disks(): WindowsDisk[];
}

export const nativeFacts: WindowsFacts = {
  smbios: windowsSmbios,
  system: windowsSystem,
  adapters: windowsAdapters,
  disks: windowsDisks,
};

/**
 * RemovableMedia of STORAGE_DEVICE_DESCRIPTOR says that the medium leaves its drive, which is not so of a disk in a USB case
 * and of many a stick. A soldered eMMC is on "mmc"; one that its driver calls "sd" is refused rather than a card overwritten.
 */
const busesThatComeAndGo: ReadonlySet<string> = new Set(["usb", "1394", "sd"]);

/** The medium, or the disk with its cable. */
export const comesAndGoes = ({ bus, removable }: WindowsDisk): boolean =>
  removable || busesThatComeAndGo.has(bus);
