/** Disks, partitions and volumes as WMI names them. */
import { basename } from "node:path";
import type { DiskFacts } from "../platform.ts";
import { listDisks } from "./disks.ts";
import type { SystemRoots } from "./hardware.ts";
import { readMounts } from "./mounts.ts";
import { freeBytes } from "../free-bytes.ts";
import type { WmiFacts } from "../sequence-machine.ts";
import { diskDrive } from "../wmi-hardware.ts";

/** What Windows would show as disks: not what is made of memory or of other disks. */
async function realDisks(roots: SystemRoots): Promise<DiskFacts[]> {
  return (await listDisks(roots)).filter((disk) => disk.kind !== "virtual");
}

export async function diskRows(roots: SystemRoots): Promise<WmiFacts[]> {
  return (await realDisks(roots)).map((disk, number) => {
    const bus = disk.removable ? "USB" : basename(disk.path).startsWith("hd") ? "IDE" : "SCSI";
    return diskDrive(disk, { bus, name: `\\\\.\\PHYSICALDRIVE${number}`, number });
  });
}

export async function partitionRows(roots: SystemRoots): Promise<WmiFacts[]> {
  return (await realDisks(roots)).flatMap((disk, diskIndex) =>
    disk.partitions.map((partition, index) => ({
      DiskIndex: diskIndex,
      Index: index,
      DeviceID: `Disk #${diskIndex}, Partition #${index}`,
      Name: `Disk #${diskIndex}, Partition #${index}`,
      Size: partition.sizeBytes,
    })),
  );
}

const fileSystems: Record<string, string> = { ntfs: "NTFS", vfat: "FAT32", exfat: "exFAT", refs: "ReFS" };

/** Volumes with a file system. They have no drive letters here. */
export async function volumeRows(roots: SystemRoots, kind: "logical" | "volume"): Promise<WmiFacts[]> {
  const mounts = new Map(readMounts(roots).map((mount) => [mount.source, mount.mountPoint]));
  return (await realDisks(roots)).flatMap((disk) =>
    disk.partitions
      .filter((partition) => partition.fileSystem !== "")
      .map((partition) => {
        const own = {
          DeviceID: partition.name,
          Name: partition.name,
          DriveType: disk.removable ? 2 : 3,
          FileSystem: fileSystems[partition.fileSystem] ?? partition.fileSystem,
          FreeSpace: freeBytes(mounts.get(partition.name)),
        };
        return kind === "logical"
          ? { ...own, Size: partition.sizeBytes, VolumeName: partition.label }
          : { ...own, Capacity: partition.sizeBytes, Label: partition.label, DriveLetter: null };
      }),
  );
}
