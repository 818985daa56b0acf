/** The machine's disks as Windows numbers them, and the disk that a person named. */
import { accessSync, constants } from "node:fs";
import { VolleyError } from "../../../contract/errors.ts";
import { fileAsDisk, placeNamed } from "../disk-file.ts";
import type { DiskFacts, PartitionFacts } from "../platform.ts";
import { comesAndGoes, type WindowsDisk, type WindowsFacts } from "./facts.ts";

/**
 * `staged`: this Windows PE was put on a disk of the machine by the system there, and runs in memory. Throws E_DISK_NOT_FOUND
 * where Windows shows none because this process has no administrator's rights.
 */
export function listDisks(facts: WindowsFacts, staged = false): DiskFacts[] {
  const { elevated, winPe } = facts.system();
  const disks = facts.disks();
  if (disks.length === 0 && !elevated) {
    throw new VolleyError("E_DISK_NOT_FOUND", "Windows shows its disks to administrators only");
  }
  const isToBeKept = (disk: WindowsDisk, use: string): boolean =>
    use !== "boot medium" || !staged || comesAndGoes(disk);
  return disks.map((disk) => {
    const systemUses = disk.systemUses.filter((use) => isToBeKept(disk, use));
    return toDiskFacts({ ...disk, systemUses }, winPe);
  });
}

const systemUseTexts: Record<WindowsDisk["systemUses"][number], string> = {
  windows: "holds the Windows that runs now",
  program: "holds this program",
  "boot medium": "is what Windows PE was started from",
  "page file": "holds a page file",
};

export function toDiskFacts(disk: WindowsDisk, inPe: boolean): DiskFacts {
  const { model, sectorBytes, serial, sizeBytes, uniqueId, vendor } = disk;
  const name = [vendor, model].filter((word) => word !== "").join(" ");
  return {
    path: disk.path,
    number: disk.number,
    kind: disk.bus === "virtual" ? "virtual" : "disk",
    identity: identityOf(disk.path, { name, serial, sizeBytes, uniqueId }),
    sizeBytes,
    sectorBytes,
    model: name,
    serial,
    removable: comesAndGoes(disk),
    bus: disk.bus,
    readOnly: disk.readOnly,
    systemUses: disk.systemUses.map((use) => systemUseTexts[use]),
    // Windows PE gives every volume a letter by itself; in an installed Windows a letter means that somebody uses it.
    otherUses: inPe || disk.offline ? [] : volumesInUse(disk),
    partitions: disk.partitions.map(toPartitionFacts),
  };
}

type ShownPartition = WindowsDisk["partitions"][number];

function toPartitionFacts(partition: ShownPartition): PartitionFacts {
  const letter = letterOf(partition);
  return {
    name: partitionName(partition),
    number: partition.number,
    sizeBytes: partition.sizeBytes,
    fileSystem: partition.fileSystem.toLowerCase(),
    label: partition.label || partition.name,
    type: partition.type,
    ...(letter !== null && { letter }),
  };
}

/** "C"; null where its volume has none. */
export function letterOf({ mountPoints }: Pick<ShownPartition, "mountPoints">): string | null {
  const letters = mountPoints.map((place) => /^([A-Z]):\\?$/i.exec(place)?.[1]?.toUpperCase());
  return letters.find((letter) => letter !== undefined) ?? null;
}

function identityOf(
  path: string,
  {
    name,
    serial,
    sizeBytes,
    uniqueId,
  }: Record<"name" | "serial", string> & {
    sizeBytes: number;
    uniqueId: string | null;
  },
): string {
  if (uniqueId !== null && uniqueId !== "") return `id:${uniqueId}:${sizeBytes}`;
  if (serial !== "") return `serial:${name}:${serial}:${sizeBytes}`;
  return `path:${path}:${sizeBytes}`;
}

function volumesInUse({ partitions }: WindowsDisk): string[] {
  return partitions
    .flatMap(({ mountPoints }) => mountPoints)
    .map((place) => `its volume ${place} is in use; "offline disk" of diskpart ends that`);
}

function partitionName({ mountPoints, number }: ShownPartition): string {
  const [place] = mountPoints;
  return place === undefined ? `partition ${number}` : `partition ${number} (${place})`;
}

/** As Platform.findDisk: "\\.\PhysicalDrive1" in any case, or a file that stands for a disk. */
export async function findDisk(named: string, facts: WindowsFacts, staged = false): Promise<DiskFacts> {
  if (/^\\\\[.?]\\physicaldrive\d+$/i.test(named)) {
    const wanted = named.toLowerCase().replace("\\\\?\\", "\\\\.\\");
    const disk = listDisks(facts, staged).find(({ path }) => path.toLowerCase() === wanted);
    if (disk === undefined) throw new VolleyError("E_DISK_NOT_FOUND", `There is no disk ${named}`);
    return disk;
  }
  if (/^(\\\\[.?]\\)?[a-z]:\\?$/i.test(named)) {
    throw new VolleyError("E_DISK_REFUSED", `${named} is a volume; a whole disk is meant`);
  }
  const place = placeNamed(named);
  const { path, status } = place;
  if (!status.isFile()) throw new VolleyError("E_DISK_REFUSED", `${named} is neither a disk nor a file`);
  return await fileAsDisk(place, {
    identity: `file:${path}:${status.size}`,
    readOnly: !isWritable(path),
    systemUses: [],
    otherUses: [],
  });
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
