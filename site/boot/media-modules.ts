/** Which kernel modules a PE has: what finds disks and wired adapters, and what those need. */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runMediaTool } from "./media-tools.ts";

/** Folders and modules below "kernel/", which all of them are in. */
const wanted = [
  // Wired adapters, in machines, on USB and virtual ones.
  ["drivers/net/ethernet/", "drivers/net/phy/", "drivers/net/mdio/", "drivers/net/usb/"],
  ["drivers/net/virtio_net.", "drivers/net/vmxnet3/", "drivers/net/hyperv/", "drivers/net/xen-netfront."],
  // Disks.
  ["drivers/ata/", "drivers/nvme/", "drivers/scsi/", "drivers/message/fusion/", "drivers/block/virtio_blk."],
  ["drivers/block/loop.", "drivers/mmc/", "drivers/cdrom/", "drivers/usb/storage/"],
  // What they hang on.
  ["drivers/virtio/", "drivers/hv/", "drivers/usb/host/", "drivers/usb/core/", "drivers/usb/common/"],
  ["drivers/usb/dwc3/", "drivers/pci/", "drivers/thunderbolt/", "drivers/acpi/"],
  // Keyboards.
  ["drivers/hid/hid.", "drivers/hid/hid-generic.", "drivers/hid/usbhid/", "drivers/hid/hid-hyperv."],
  ["drivers/hid/hid-apple.", "drivers/hid/hid-logitech", "drivers/hid/hid-microsoft."],
  ["drivers/input/serio/", "drivers/input/keyboard/", "drivers/input/evdev."],
  // Volumes, and reading shares.
  [
    "fs/fat/",
    "fs/nls/",
    "fs/exfat/",
    "fs/isofs/",
    "fs/udf/",
    "fs/ext4/",
    "fs/xfs/",
    "fs/fuse/",
    "fs/efivarfs/",
  ],
  ["fs/cifs/", "fs/smb/", "net/packet/", "crypto/crc32c_generic.", "arch/x86/crypto/crc32"],
  // What cifs asks for by name once it connects, and fails without: hashes, signatures, encryption.
  [
    "aes_generic",
    "ccm",
    "cmac",
    "ctr",
    "ecb",
    "gcm",
    "ghash-generic",
    "hmac",
    "md5",
    "sha256_generic",
    "sha512_generic",
  ].map((name) => `crypto/${name}.`),
].flat();
/** Of those, what needs a fabric or firmware that no computer to be deployed has here. */
const unwanted = [
  ["drivers/net/ethernet/mellanox/mlxsw/", "drivers/net/ethernet/netronome/", "drivers/scsi/lpfc/"],
  ["drivers/scsi/qla2xxx/", "drivers/scsi/qla4xxx/", "drivers/scsi/bfa/", "drivers/scsi/elx/"],
].flat();

/** Copies the modules of kernel `version` from one root folder into another, and indexes them there. */
export async function copyModules(from: string, to: string, version: string): Promise<void> {
  await runMediaTool("depmod", ["-b", from, version]);
  const folder = join("lib/modules", version);
  const needs = parseDependencies(readFileSync(join(from, folder, "modules.dep"), "utf8"));
  const chosen = new Set<string>();
  for (const [path, dependencies] of needs) {
    if (!isWanted(path)) continue;
    for (const each of [path, ...dependencies]) chosen.add(each);
  }
  const target = join(to, "usr", folder);
  for (const path of [...chosen, "modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    copyFileSync(join(from, folder, path), join(target, path));
  }
  await runMediaTool("depmod", ["-b", join(to, "usr"), version]);
}

/** Of modules.dep: each module's path and all that it needs. */
function parseDependencies(text: string): Map<string, string[]> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [path = "", rest = ""] = line.split(":");
      return [path, rest.split(" ").filter((word) => word !== "")];
    }),
  );
}

function isWanted(path: string): boolean {
  const begins = (start: string): boolean => path.startsWith(`kernel/${start}`);
  return wanted.some(begins) && !unwanted.some(begins);
}
