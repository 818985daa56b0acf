/**
 * Paths as task sequences write them, on a system that has no drive letters: backslashes are slashes, a letter is the
 * folder where its volume is, names are found in any case.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { readFileVersion } from "./file-version.ts";

export interface FoundPath {
  kind: "file" | "folder";
  modifiedMs: number;
  version(): Promise<string | null>;
}

/** `volume`: the folder of a drive's volume ("C"), or null when there is none. */
export interface PathOptions {
  volume(letter: string): Promise<string | null>;
}

/** Null when it is not there. Rejects with E_CONDITION for a drive that nobody knows. */
export async function findPath(path: string, options: PathOptions): Promise<string | null> {
  const [, letter, rest] = /^([A-Za-z]):(.*)$/s.exec(path) ?? [];
  let found = "/";
  if (letter !== undefined) {
    const volume = await options.volume(letter.toUpperCase());
    if (volume === null) throw new VolleyError("E_CONDITION", `${path}: there is no drive ${letter}: here`);
    found = volume;
  } else if (!/^[\\/](?![\\/])/.test(path)) {
    throw new VolleyError("E_CONDITION", `${path} is no path from a drive or a root on`);
  }
  for (const name of (rest ?? path).split(/[\\/]+/)) {
    if (name === "" || name === ".") continue;
    if (name === "..") throw new VolleyError("E_CONDITION", `${path} must not hold ".."`);
    const entries = await readdir(found).catch(() => []);
    const entry =
      entries.find((one) => one === name) ?? entries.find((one) => one.toLowerCase() === name.toLowerCase());
    if (entry === undefined) return null;
    found = join(found, entry);
  }
  return found;
}

export async function lookAtPath(path: string, options: PathOptions): Promise<FoundPath | null> {
  const found = await findPath(path, options);
  const status = found === null ? undefined : await stat(found).catch(() => undefined);
  if (found === null || status === undefined) return null;
  return {
    kind: status.isDirectory() ? "folder" : "file",
    modifiedMs: status.mtimeMs,
    version: () => readFileVersion(found),
  };
}
