/**
 * The boot configuration of a Windows PE that runs from memory, as "Configure a PXE server to load Windows PE" (Microsoft)
 * has bcdedit make it: {ramdiskoptions} says where boot.sdi is and how TFTP fetches, and the loader's devices are
 * ramdisk=[boot]IMAGE,{ramdiskoptions}. "boot" is where the boot manager came from: a server, a disc or a stick.
 */
import { bootManagerType, ramdiskOptionsId, ramdiskOptionsType, windowsLoaderType } from "./boot-elements.ts";
import {
  bootDevice,
  bootManagerId,
  deviceBytes,
  guidBytes,
  integer,
  storeText,
  utf16,
  type Element,
} from "./boot-text.ts";

export interface RamdiskTarget {
  firmware: "uefi" | "bios";
  /** Paths from the root of what is started from, with backslashes. */
  image: string;
  sdi: string;
  /** Of the loader's object, in braces. */
  loaderId: string;
  locale: string;
  /** How a server is asked by TFTP; null for a medium. Bytes of a block, and blocks before an acknowledgement (RFC 7440). */
  tftp: { blockBytes: number; windowBlocks: number } | null;
}

/** For `hivexregedit --merge --prefix HKEY_LOCAL_MACHINE\\BCD`. */
export function ramdiskText(target: RamdiskTarget): string {
  const { firmware, image, loaderId, locale, sdi, tftp } = target;
  const isUefi = firmware === "uefi";
  const device = ramdiskDevice(image);
  const managerFile: Element[] = isUefi
    ? [["12000002", { text: "\\EFI\\Microsoft\\Boot\\bootmgfw.efi" }]]
    : [];
  // bcdedit writes these two as integers, 0x35…; Microsoft's list of constants prints 0x36…, booleans.
  const fetching: Element[] =
    tftp === null
      ? []
      : [
          ["35000007", { bytes: integer(tftp.blockBytes) }],
          ["35000008", { bytes: integer(tftp.windowBlocks) }],
        ];
  return storeText([
    [
      bootManagerId,
      bootManagerType,
      [
        ["11000001", { bytes: bootDevice() }],
        ...managerFile,
        ["12000004", { text: "Windows Boot Manager" }],
        ["12000005", { text: locale }],
        ["23000003", { text: loaderId }],
        ["24000001", { list: [loaderId] }],
        ["25000004", { bytes: integer(0) }],
      ],
    ],
    [
      ramdiskOptionsId,
      ramdiskOptionsType,
      [
        ["12000004", { text: "Ramdisk options" }],
        ["31000003", { bytes: bootDevice() }],
        ["32000004", { text: sdi }],
        ...fetching,
      ],
    ],
    [
      loaderId,
      windowsLoaderType,
      [
        ["11000001", { bytes: device }],
        ["12000002", { text: `\\Windows\\system32\\winload.${isUefi ? "efi" : "exe"}` }],
        ["12000004", { text: "Windows PE with Volley" }],
        ["12000005", { text: locale }],
        ["21000001", { bytes: device }],
        ["22000002", { text: "\\Windows" }],
        ["26000010", { bytes: Buffer.from([1]) }],
        ["26000022", { bytes: Buffer.from([1]) }],
      ],
    ],
  ]);
}

/**
 * As bcdedit lays "ramdisk=[boot]PATH,{ramdiskoptions}" out: the options' identifier, a device of kind 0 (one of the boot
 * loader's own making) with flag 1, of that kind 3 (a RAM disk) with place and size unset, and the file it is filled from:
 * version 1, its length, kind 5 (a device before the path), the device "boot", the path.
 */
function ramdiskDevice(image: string): Buffer {
  const path = utf16(image);
  const source = deviceBytes(5).subarray(16);
  const file = Buffer.alloc(12);
  file.writeUInt32LE(1, 0);
  file.writeUInt32LE(file.length + source.length + path.length, 4);
  file.writeUInt32LE(5, 8);
  const head = Buffer.alloc(40);
  head.writeUInt32LE(1, 4);
  head.writeUInt32LE(head.length + file.length + source.length + path.length, 8);
  head.writeUInt32LE(3, 16);
  return Buffer.concat([guidBytes(ramdiskOptionsId), head, file, source, path]);
}
