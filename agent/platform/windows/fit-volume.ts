/**
 * The same as fitVolume of linux/fit-disk.ts in a Windows PE: the addon writes the serial number, and diskpart grows the file
 * system ("extend filesystem" of "DiskPart", Microsoft).
 */
import { VolleyError } from "../../../contract/errors.ts";
import { withSectors } from "./disk-sectors.ts";
import { extend } from "./diskpart.ts";
import { letterOf } from "./disks.ts";
import type { WindowsFacts } from "./facts.ts";
import type { FittingWorld } from "./fit-disk.ts";
import { mayGrow, ownSerial, readNtfsVolume } from "./ntfs-volume.ts";

/** As Fitting.fitVolume. Rejects with E_DISK_NOT_FOUND too, where Windows shows no disk with that letter. */
export async function fitVolume(device: string, world: FittingWorld): Promise<string[]> {
  const { disk, partition } = shownAt(device, world.facts);
  const { sectorBytes } = disk;
  const place = {
    start: partition.offsetBytes / sectorBytes,
    size: partition.sizeBytes / sectorBytes,
    sectorBytes,
  };
  // By its disk: a volume that is mounted shows nothing of what lies behind its file system.
  const volume = await withSectors(disk.path, (read) => readNtfsVolume(read, place));
  if (volume === null) return [];
  await world.rewrite({ path: device, moves: [], pieces: ownSerial(volume, 0) });
  const own = "has a serial number of its own";
  if (!mayGrow(volume)) return [`The volume takes its partition and ${own}`];
  await extend(disk, partition, { order: "extend filesystem", tools: world.tools });
  return [`The volume was grown to its partition and ${own}`];
}

/** `device` such as "\\\\.\\C:". */
function shownAt(device: string, { disks }: Pick<WindowsFacts, "disks">) {
  const letter = /^\\\\\.\\([A-Z]):$/i.exec(device)?.[1]?.toUpperCase() ?? null;
  for (const disk of disks()) {
    const partition = disk.partitions.find((one) => letter !== null && letterOf(one) === letter);
    if (partition !== undefined) return { disk, partition };
  }
  throw new VolleyError("E_DISK_NOT_FOUND", `Windows shows no disk with the volume ${device}`);
}
