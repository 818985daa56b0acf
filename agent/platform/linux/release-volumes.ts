/** Volumes that a run's steps have mounted, taken down again: what was written is on the disk, and nobody holds it. */
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../run-tool.ts";
import { systemRoots } from "./hardware.ts";
import { readMounts } from "./mounts.ts";

/** Answers what could not be taken down. */
export async function releaseVolumes(folder: string): Promise<string[]> {
  const left: string[] = [];
  const below = readMounts(systemRoots).filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.toReversed()) {
    if ((await runTool(["umount", mountPoint], limits.unmountMs)) === null) left.push(mountPoint);
  }
  return left;
}
