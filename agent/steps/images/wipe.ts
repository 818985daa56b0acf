/** Emptying a volume before an image goes on it, all but what the sequence itself keeps there. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Deletes everything in `folder` but the `kept` paths, each as its names from the root of the volume, compared without
 * regard to case. Returns the number of entries deleted.
 */
export async function wipeFolder(folder: string, kept: readonly (readonly string[])[]): Promise<number> {
  let deleted = 0;
  for (const entry of await readdir(folder)) {
    const below = kept.filter(([name]) => name?.toLowerCase() === entry.toLowerCase());
    if (below.length === 0) {
      await rm(join(folder, entry), { recursive: true, force: true });
      deleted += 1;
      continue;
    }
    if (below.some((names) => names.length === 1)) continue;
    deleted += await wipeFolder(
      join(folder, entry),
      below.map((names) => names.slice(1)),
    );
  }
  return deleted;
}
