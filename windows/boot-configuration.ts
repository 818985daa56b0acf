/**
 * The boot configuration of an applied Windows, as registry text for hivexregedit. Objects and elements are those of
 * "Boot Configuration Data" (Windows): BcdBootMgrElementTypes, BcdLibraryElementTypes, BcdOSLoaderElementTypes. The boot
 * manager starts from the device it was read from. The loader's device is a partition by its own and its disk's
 * identifier where these are known, and else "locate", which holds on every machine.
 */
import {
  bootDevice,
  bootManagerId,
  deviceBytes,
  guidBytes,
  integer,
  storeText,
  type Element,
  type StoreObject,
} from "./boot-text.ts";
import { bootManagerType, windowsLoaderType } from "./boot-elements.ts";

const globalSettings = "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}";
const bootLoaderSettings = "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}";

/** Where Windows is. GUIDs in capitals or not; the signature of an MBR as eight hexadecimal digits. */
export type WindowsPlace =
  | { style: "GPT"; diskGuid: string; partitionGuid: string }
  | { style: "MBR"; signature: string; startBytes: number };

export interface BootTarget {
  firmware: "uefi" | "bios";
  /** "locate": wherever the file that the entry names is, as Sysprep leaves a store behind. */
  place: WindowsPlace | "locate";
  /** Of the loader's object, in braces. */
  loaderId: string;
  locale: string;
}

/** For `hivexregedit --merge --prefix HKEY_LOCAL_MACHINE\BCD`. */
export function bcdText(target: BootTarget): string {
  const { place } = target;
  const byUefi = target.firmware === "uefi";
  const deviceBy = (element: number): Buffer =>
    place === "locate" ? locateDevice(element) : partitionDevice(place);
  // A BIOS starts bootmgr by itself: its object names no file.
  const managerFile: Element[] = byUefi
    ? [["12000002", { text: "\\EFI\\Microsoft\\Boot\\bootmgfw.efi" }]]
    : [];
  const objects: StoreObject[] = [
    [
      bootManagerId,
      bootManagerType,
      [
        ["11000001", { bytes: bootDevice() }],
        ...managerFile,
        ["12000004", { text: "Windows Boot Manager" }],
        ["12000005", { text: target.locale }],
        ["14000006", { list: [globalSettings] }],
        ["23000003", { text: target.loaderId }],
        ["24000001", { list: [target.loaderId] }],
        ["25000004", { bytes: integer(30) }],
      ],
    ],
    [
      target.loaderId,
      windowsLoaderType,
      [
        ["11000001", { bytes: deviceBy(0x12000002) }],
        ["12000002", { text: `\\Windows\\system32\\winload.${byUefi ? "efi" : "exe"}` }],
        ["12000004", { text: "Windows" }],
        ["12000005", { text: target.locale }],
        ["14000006", { list: [bootLoaderSettings] }],
        ["21000001", { bytes: deviceBy(0x22000002) }],
        ["22000002", { text: "\\Windows" }],
        // NX: opt in.
        ["25000020", { bytes: integer(0) }],
      ],
    ],
  ];
  return storeText(objects);
}

/**
 * "locate": the first volume that has what `element` of the same object names (BcdDeviceLocateElementData). Such a device
 * is shorter: kind of location, element, no device to look below, an empty path.
 */
function locateDevice(element: number): Buffer {
  const bytes = Buffer.alloc(16 + locateBytes);
  bytes.writeUInt32LE(8, 16);
  bytes.writeUInt32LE(locateBytes, 24);
  bytes.writeUInt32LE(element, 36);
  return bytes;
}
const locateBytes = 30;

/** A partition: of a GPT disk by its own identifier and the disk's, of an MBR disk by its place and the signature. */
export function partitionDevice(place: WindowsPlace): Buffer {
  const bytes = deviceBytes(6);
  // At 52 stands the partition style, 0 for GPT and 1 for MBR.
  if (place.style === "GPT") {
    guidBytes(place.partitionGuid).copy(bytes, 32);
    guidBytes(place.diskGuid).copy(bytes, 56);
  } else {
    bytes.writeBigUInt64LE(BigInt(place.startBytes), 32);
    bytes.writeUInt32LE(1, 52);
    bytes.writeUInt32LE(Number.parseInt(place.signature, 16), 56);
  }
  return bytes;
}
