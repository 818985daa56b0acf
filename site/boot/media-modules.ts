/** Which kernel modules a PE has: what finds disks and wired adapters, and what those need and ask for. */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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
  // With gcm and ccm, what those make themselves of once somebody asks for them.
  ["fs/cifs/", "fs/smb/", "net/packet/", "crypto/ctr.", "crypto/ghash-generic."],
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
  const read = (name: string): string => readFileSync(join(from, folder, name), "utf8");
  const needs = parseDependencies(read("modules.dep"));
  const softNeeds = parseSoftDependencies(read("modules.softdep"));
  const find = moduleFinder([...needs.keys()], read("modules.alias"));
  const chosen = new Set([...needs.keys()].filter(isWanted));
  // A set that grows is walked to its new end.
  for (const path of chosen) {
    for (const each of needs.get(path) ?? []) chosen.add(each);
    const soft = softNeeds.get(moduleName(path)) ?? [];
    for (const each of soft.flatMap(find)) chosen.add(each);
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

/** Of modules.softdep: for a module's name, what it asks for by name or alias and does not always need (modprobe.d(5)). */
function parseSoftDependencies(text: string): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [command, name = "", ...words] = line.split(" ");
    if (command !== "softdep") continue;
    const asked = words.filter((word) => word !== "pre:" && word !== "post:");
    all.set(underscored(name), [...(all.get(underscored(name)) ?? []), ...asked]);
  }
  return all;
}

/** Answers the paths of who is called so, else of all with that alias; none for what is in the kernel itself. */
function moduleFinder(paths: readonly string[], aliases: string): (asked: string) => string[] {
  const named = new Map(paths.map((path) => [moduleName(path), path]));
  const byAlias = new Map<string, string[]>();
  for (const line of aliases.split("\n")) {
    const [command, alias = "", name = ""] = line.split(" ");
    const path = named.get(underscored(name));
    if (command !== "alias" || path === undefined) continue;
    byAlias.set(underscored(alias), [...(byAlias.get(underscored(alias)) ?? []), path]);
  }
  return (asked) => {
    const path = named.get(underscored(asked));
    return path === undefined ? (byAlias.get(underscored(asked)) ?? []) : [path];
  };
}

/** To modprobe both are the same. */
const underscored = (name: string): string => name.replaceAll("-", "_");
const moduleName = (path: string): string => underscored(basename(path).replace(/\.ko(\.[a-z]+)?$/, ""));

function isWanted(path: string): boolean {
  const begins = (start: string): boolean => path.startsWith(`kernel/${start}`);
  return wanted.some(begins) && !unwanted.some(begins);
}
