import { statfsSync } from "node:fs";

/** What an unprivileged program may still write there; null where nothing is mounted or it cannot be told. */
export function freeBytes(place: string | undefined): number | null {
  if (place === undefined) return null;
  try {
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize;
  } catch {
    return null;
  }
}
