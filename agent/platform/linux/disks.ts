/**
 * The machine's disks. sysfs is the truth for what decides over life and death of data (size, read-only, mounts,
 * holders): it cannot hang. lsblk only adds the names people know: file systems, labels, serial numbers.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../../contract/limits.ts";
import { readPartitionTable } from "../partition-table.ts";
import type { DiskFacts, DiskKind, PartitionFacts } from "../platform.ts";
import { listFolder, readText, systemRoots, type SystemRoots } from "./hardware.ts";
import { readBlockLabels, type BlockLabels } from "./lsblk.ts";
import { deviceNumberAt, readMounts, readSwaps } from "./mounts.ts";

/** All disks with a medium in them. Loop devices count when they have a backing file. */
export async function listDisks(roots: SystemRoots = systemRoots): Promise<DiskFacts[]> {
  const labels = await readBlockLabels(roots);
  const uses = usesByDeviceNumber(roots);
  const disks: DiskFacts[] = [];
  for (const name of listFolder(join(roots.sys, "block"))) {
    const disk = await readDisk(name, { roots, labels, uses });
    if (disk !== null) disks.push(disk);
  }
  return disks;
}

interface Known {
  roots: SystemRoots;
  labels: Map<string, BlockLabels>;
  /** What mounts and swap say, by "major:minor". */
  uses: Map<string, Use[]>;
}
interface Use {
  text: (device: string) => string;
  system: boolean;
}

async function readDisk(name: string, known: Known): Promise<DiskFacts | null> {
  const folder = join(known.roots.sys, "block", name);
  const sizeBytes = readNumber(join(folder, "size")) * 512;
  if (sizeBytes === 0 || readText(join(folder, "hidden")) === "1") return null;
  const kind = kindOf(name, folder);
  if (kind === null) return null;
  const path = `/dev/${name.replaceAll("!", "/")}`;
  const labels = known.labels.get(name);
  const serial =
    labels?.serial || readText(join(folder, "device/serial")) || readText(join(folder, "serial")) || "";
  const model = labels?.model || readText(join(folder, "device/model")) || "";
  const disk: DiskFacts = {
    path,
    kind,
    identity: identityOf({ folder, kind, model, path, serial, sizeBytes }),
    sizeBytes,
    sectorBytes: readNumber(join(folder, "queue/logical_block_size")) || 512,
    model: model.trim(),
    serial: serial.trim(),
    removable: isRemovable(folder),
    readOnly: readText(join(folder, "ro")) === "1",
    systemUses: [],
    otherUses: [],
    partitions: readPartitions(name, folder, known),
  };
  collectUses(name, known, disk, new Set());
  // A disk without partitions of the kernel's may still hold a table (a loop device without partition scan).
  if (disk.partitions.length === 0) disk.partitions = await readPartitionTable(path, sizeBytes);
  if (
    kind !== "virtual" &&
    disk.systemUses.length === 0 &&
    disk.otherUses.length === 0 &&
    (await isHeld(path))
  ) {
    disk.otherUses.push("another program or container holds it");
  }
  return disk;
}

/** Null for what is no disk at all: optical drives, floppies, loop devices without a file. */
function kindOf(name: string, folder: string): DiskKind | null {
  if (/^(sr|fd)\d/.test(name)) return null;
  if (name.startsWith("loop")) return existsSync(join(folder, "loop/backing_file")) ? "loop" : null;
  return existsSync(join(folder, "device")) ? "disk" : "virtual";
}

function identityOf(disk: {
  folder: string;
  kind: DiskKind;
  model: string;
  path: string;
  serial: string;
  sizeBytes: number;
}): string {
  if (disk.kind === "loop") {
    return `loop:${readText(join(disk.folder, "loop/backing_file"))}:${disk.sizeBytes}`;
  }
  const worldWide = readText(join(disk.folder, "wwid")) || readText(join(disk.folder, "device/wwid"));
  if (worldWide) return `wwid:${worldWide}:${disk.sizeBytes}`;
  if (disk.serial) return `serial:${disk.model}:${disk.serial}:${disk.sizeBytes}`;
  return `path:${disk.path}:${disk.sizeBytes}`;
}

/** The kernel's flag misses most of what comes and goes: disks in USB cases, SD cards. */
function isRemovable(folder: string): boolean {
  if (readText(join(folder, "removable")) === "1") return true;
  if (readText(join(folder, "device/type")) === "SD") return true;
  try {
    return /\/usb\d+\//.test(realpathSync(folder));
  } catch {
    return false;
  }
}

function readPartitions(name: string, folder: string, known: Known): PartitionFacts[] {
  return listFolder(folder)
    .filter((entry) => existsSync(join(folder, entry, "partition")))
    .sort((a, b) => readNumber(join(folder, a, "partition")) - readNumber(join(folder, b, "partition")))
    .map((entry) => ({
      name: `/dev/${entry}`,
      sizeBytes: readNumber(join(folder, entry, "size")) * 512,
      fileSystem: known.labels.get(entry)?.fileSystem ?? "",
      label: known.labels.get(entry)?.label ?? "",
    }))
    .concat(wholeDiskFileSystem(name, known));
}

/** A disk formatted without partitions. */
function wholeDiskFileSystem(name: string, known: Known): PartitionFacts[] {
  const labels = known.labels.get(name);
  if (labels === undefined || labels.fileSystem === "") return [];
  return [
    { name: `/dev/${name}`, sizeBytes: labels.sizeBytes, fileSystem: labels.fileSystem, label: labels.label },
  ];
}

/** Walks from the disk over its partitions to whatever is built on them: LVM, RAID, encryption. */
function collectUses(name: string, known: Known, disk: DiskFacts, seen: Set<string>): void {
  if (seen.has(name)) return;
  seen.add(name);
  const folder = join(known.roots.sys, "class/block", name);
  for (const use of known.uses.get(readText(join(folder, "dev")) ?? "") ?? []) {
    (use.system ? disk.systemUses : disk.otherUses).push(use.text(`/dev/${name}`));
  }
  for (const holder of listFolder(join(folder, "holders"))) {
    const called = readText(join(known.roots.sys, "class/block", holder, "dm/name"));
    disk.otherUses.push(`/dev/${name} is part of ${called ? `${holder} (${called})` : holder}`);
    collectUses(holder, known, disk, seen);
  }
  for (const entry of listFolder(folder)) {
    if (existsSync(join(folder, entry, "partition"))) collectUses(entry, known, disk, seen);
  }
}

/** Places without which the running system stops. */
const systemPlaces = new Set(["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/home"]);

function usesByDeviceNumber(roots: SystemRoots): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  const add = (deviceNumber: string | null, use: Use): void => {
    if (deviceNumber === null) return;
    uses.set(deviceNumber, [...(uses.get(deviceNumber) ?? []), use]);
  };
  for (const mount of readMounts(roots)) {
    const system = systemPlaces.has(mount.mountPoint);
    const text = (device: string): string =>
      mount.mountPoint === "/"
        ? `holds the root file system (${device})`
        : `${device} is mounted at ${mount.mountPoint}`;
    // Btrfs has an anonymous device number, so what was mounted counts as well.
    const anonymous = mount.deviceNumber.startsWith("0:");
    add(anonymous ? deviceNumberAt(mount.source) : mount.deviceNumber, { text, system });
  }
  for (const path of readSwaps(roots)) {
    add(deviceNumberAt(path), { text: (device) => `${device} is swap space`, system: true });
  }
  return uses;
}

/**
 * The kernel refuses an exclusive opening of what anybody has mounted or built upon, also in another mount name space
 * and also the members of a file system over several disks. Unknown (not root) counts as not held.
 */
async function isHeld(path: string): Promise<boolean> {
  const probe = open(path, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK).then(
    async (handle) => {
      await handle.close();
      return false;
    },
    (error: NodeJS.ErrnoException) => error.code === "EBUSY",
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), limits.toolTimeMs);
  });
  try {
    return await Promise.race([probe, late]);
  } finally {
    clearTimeout(timer);
  }
}

function readNumber(path: string): number {
  const value = Number(readText(path) ?? "0");
  return Number.isSafeInteger(value) ? value : 0;
}
