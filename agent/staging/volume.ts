/** The file system that a folder is in, as a boot loader has to find it. */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";

export interface VolumeFacts {
  /** Where it is mounted. */
  mountPoint: string;
  /** "/dev/vda3". */
  device: string;
  /** "ext4". */
  fileSystem: string;
  /** Of the file system; empty when it has none. */
  uuid: string;
  freeBytes: number;
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const Found = z.object({
  filesystems: z.array(z.object({ target: z.string(), source: text, fstype: text, uuid: text })).min(1),
});

/** Null when the system does not say. `folder` exists. */
export async function volumeAt(folder: string): Promise<VolumeFacts | null> {
  const words = ["--json", "--output", "TARGET,SOURCE,FSTYPE,UUID", "--target", folder];
  const output = await runTool(["findmnt", ...words], limits.toolTimeMs);
  if (output === null) return null;
  let found: z.infer<typeof Found>["filesystems"][number] | undefined;
  try {
    found = Found.parse(JSON.parse(output)).filesystems[0];
  } catch {
    return null;
  }
  if (found === undefined) return null;
  const { bavail, bsize } = await statfs(folder);
  return {
    mountPoint: found.target,
    device: found.source,
    fileSystem: found.fstype,
    uuid: found.uuid,
    freeBytes: bavail * bsize,
  };
}

/** A partition, or a disk, that a boot loader finds without help. */
export const isPlainDevice = (device: string): boolean =>
  !/\/(?:dm-|md|mapper\/|bcache|zd)|^(?!\/dev\/)|\[/.test(device);

/** The path that a boot loader takes, from the root of the volume. */
export function pathOnVolume(volume: VolumeFacts, path: string): string {
  const prefix = volume.mountPoint === "/" ? "" : volume.mountPoint;
  return path.startsWith(prefix) ? path.slice(prefix.length) : join("/", path);
}
