/**
 * Tells whether a content file was touched since it was known to be what its manifest says, without reading it: the
 * stamp changes with every write, copy or replacement of the file.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileDurably } from "../store/files.ts";

const stampName = "verified";

function stampOf(contentPath: string): string {
  const { size, ino, mtimeNs, ctimeNs } = statSync(contentPath, { bigint: true });
  return [size, ino, mtimeNs, ctimeNs].join(" ");
}

/** Says that the content was just imported or verified. The stamp lies beside it. */
export function stampContent(contentPath: string): void {
  writeFileDurably(join(dirname(contentPath), stampName), stampOf(contentPath));
}

/** False where the content was touched since `stampContent`, or never stamped. */
export function isStamped(contentPath: string): boolean {
  try {
    return readFileSync(join(dirname(contentPath), stampName), "utf8") === stampOf(contentPath);
  } catch {
    return false;
  }
}
