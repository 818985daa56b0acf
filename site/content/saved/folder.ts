/** Folders that other imaging programs leave: which program's it is, and the disk that is saved in it. */
import { readdirSync, statSync } from "node:fs";
import { VolleyError } from "../../../contract/errors.ts";
import { isClonezilla, readClonezilla } from "./clonezilla.ts";
import { isFog, readFog } from "./fog.ts";
import type { SavedDisk } from "./saved-disk.ts";

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether it looks like one of them. Throws E_SOURCE_READ. */
export function isSavedFolder(path: string): boolean {
  const names = listOf(path);
  return isClonezilla(names) || isFog(names);
}

/** Throws E_SOURCE_READ, E_IMAGE_FORMAT, E_IMAGE_TRUNCATED. */
export async function readFolder(folder: string, signal: AbortSignal): Promise<SavedDisk> {
  const names = listOf(folder);
  try {
    const found = isClonezilla(names)
      ? await readClonezilla(folder, signal)
      : isFog(names) && readFog(folder);
    if (found !== false) return found;
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_SOURCE_READ", `${folder}: ${(error as Error).message}`, { cause: error });
  }
  const what = "neither Clonezilla's (disk, parts) nor FOG's (d1.partitions, d1p1.img)";
  throw new VolleyError("E_IMAGE_FORMAT", `${folder} is no image folder: ${what}.`);
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${folder}: ${(error as Error).message}`, { cause: error });
  }
}
