/** Volumes that a run's steps have mounted, taken down again: what was written is on the disk, and nobody holds it. */
import { runTool } from "../run-tool.ts";
import { systemRoots } from "./hardware.ts";
import { readMounts } from "./mounts.ts";

/** A file system in memory may have much to write. */
const unmountMs = 600_000;

/** Answers what could not be taken down. */
export async function releaseVolumes(folder: string): Promise<string[]> {
  const left: string[] = [];
  const below = readMounts(systemRoots).filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.toReversed()) {
    if ((await runTool(["umount", mountPoint], unmountMs)) === null) left.push(mountPoint);
  }
  return left;
}
