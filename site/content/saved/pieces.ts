/** The files that one stream was split into, in their order, and none missing. */
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";

/** Both programs split with split(1): "aa", "ab", … or "000", "001", …, or not at all. */
const ending = /^(.*)\.([a-z]{2,3}|\d{3})$/;

/**
 * Paths of the pieces. `names` belong to one partition. Throws E_IMAGE_TRUNCATED when one between the first and the last is
 * missing, E_IMAGE_FORMAT when they are of different streams.
 */
export function joinPieces(folder: string, names: readonly string[]): string[] {
  const [only] = names;
  if (only !== undefined && names.length === 1 && !isPiece(only)) return [join(folder, only)];
  const sorted = [...names].sort();
  const stems = new Set(sorted.map((name) => ending.exec(name)?.[1] ?? name));
  if (stems.size > 1) {
    throw new VolleyError("E_IMAGE_FORMAT", `${folder} has one partition twice: ${sorted.join(", ")}.`);
  }
  for (const [index, name] of sorted.entries()) {
    const [, stem = "", found = ""] = ending.exec(name) ?? [];
    const wanted = pieceName(index, found);
    if (found !== wanted) {
      throw new VolleyError("E_IMAGE_TRUNCATED", `${folder} is not complete: ${stem}.${wanted} is missing.`);
    }
  }
  return sorted.map((name) => join(folder, name));
}

/** Endings that compression programs give are no numbers of pieces. */
const compressions = new Set(["gz", "xz", "bz2", "zst", "lz4", "lzo", "img"]);

function isPiece(name: string): boolean {
  const found = ending.exec(name)?.[2];
  return found !== undefined && !compressions.has(found);
}

function pieceName(index: number, like: string): string {
  if (/^\d/.test(like)) return String(index).padStart(like.length, "0");
  let rest = index;
  let name = "";
  for (let place = 0; place < like.length; place += 1) {
    name = String.fromCharCode(97 + (rest % 26)) + name;
    rest = Math.floor(rest / 26);
  }
  return name;
}
