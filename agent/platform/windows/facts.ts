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
