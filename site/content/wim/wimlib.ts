/** wimlib's programs, as everything here runs them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../tools.ts";

/** Names in a WIM are found in any case, as Windows finds them. */
export const wimlibEnvironment = { WIMLIB_IMAGEX_IGNORE_CASE: "1" };

/** The reasons in what wimlib-imagex prints when it fails, without its last word on the exit code. */
export function wimlibReason(complaint: string): string {
  const lines = complaint.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("ERROR: Exiting")).join("; ");
}

export interface WimImage {
  path: string;
  /** What wimlib is told besides: where the other parts of a split WIM are. */
  references: string[];
  index: number;
}

/**
 * Files and folders of the image into `folder`, each by its own name; those that are not there are left out. What is
 * damaged is found when the image is applied.
 */
export async function extract(
  image: WimImage,
  paths: readonly string[],
  { folder, signal }: { folder: string; signal?: AbortSignal },
): Promise<void> {
  const flags = [`--dest-dir=${folder}`, "--no-acls", "--no-attributes", "--nullglob"];
  await runTool(
    "wimlib-imagex",
    ["extract", image.path, String(image.index), ...paths, ...image.references, ...flags],
    signal,
    { environment: wimlibEnvironment, limitMs: limits.wimToolMs },
  );
}

/** Below `folder`, names in any case; null when it is not there. */
export function findInAnyCase(folder: string, ...names: string[]): string | null {
  let path = folder;
  for (const name of names) {
    const entries = existsSync(path) ? readdirSync(path) : [];
    const found = entries.find((entry) => entry.toLowerCase() === name.toLowerCase());
    if (found === undefined) return null;
    path = join(path, found);
  }
  return path;
}
