/** The disk that a person named: a block device by any of its paths, or a file that stands for one. */
import { realpathSync, statSync, accessSync, constants } from "node:fs";
import { basename, join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { fileAsDisk, placeNamed } from "../disk-file.ts";
import type { DiskFacts } from "../platform.ts";
import { listDisks } from "./disks.ts";
import { listFolder, readText, systemRoots, type SystemRoots } from "./hardware.ts";
import { deviceNumberText, readSwaps } from "./mounts.ts";

/** Throws E_DISK_NOT_FOUND, and E_DISK_REFUSED for a partition or anything else that is no whole disk. */
export async function findDisk(named: string, roots: SystemRoots = systemRoots): Promise<DiskFacts> {
  const place = placeNamed(named);
  const { path, status } = place;
  if (status.isFile()) {
    return await fileAsDisk(place, {
      identity: `file:${path}:${status.ino}:${status.size}`,
      readOnly: !isWritable(path),
      systemUses: readSwaps(roots).includes(path) ? [`${path} is swap space`] : [],
      otherUses: loopDevicesOn(path, roots).map((device) => `${path} is behind ${device}`),
    });
  }
  if (!status.isBlockDevice()) {
    throw new VolleyError("E_DISK_REFUSED", `${named} is neither a disk nor a file`);
  }
  const folder = realpathSync(join(roots.sys, "dev/block", deviceNumberText(status.rdev)));
  if (readText(join(folder, "partition")) !== null) {
    throw new VolleyError("E_DISK_REFUSED", `${named} is a partition; a whole disk is meant`);
  }
  const disk = (await listDisks(roots)).find(
    (one) => basename(one.path) === basename(folder).replace(/^.*!/, ""),
  );
  if (disk === undefined) throw new VolleyError("E_DISK_NOT_FOUND", `${named} is a device without a medium`);
  return disk;
}

/** Root may write to a file without the permission bit, but whoever took it away meant something. */
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return (statSync(path).mode & 0o222) !== 0;
  } catch {
    return false;
  }
}

function loopDevicesOn(path: string, roots: SystemRoots): string[] {
  return listFolder(join(roots.sys, "block"))
    .filter((name) => readText(join(roots.sys, "block", name, "loop/backing_file")) === path)
    .map((name) => `/dev/${name}`);
}
