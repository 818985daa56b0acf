/** The one folder of the site's machine that people elsewhere may import images from. */
import { realpathSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Importable } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { makeFolder } from "../store/files.ts";
import { isSavedFolder } from "./saved/folder.ts";
import { namesImage } from "./source.ts";

interface ImportPlace {
  folder: string;
  /** Whether paths outside the folder are taken, too. */
  isFree: boolean;
}

/** Where the file really is. Throws E_FORBIDDEN for a path that leads out of the folder, by a link too. */
export async function importPath(path: string, { folder, isFree }: ImportPlace): Promise<string> {
  const wanted = resolve(folder, path);
  if (isFree && isAbsolute(path)) return wanted;
  let real = wanted;
  let top = resolve(folder);
  try {
    top = realpathSync(top);
    real = realpathSync(wanted);
  } catch {
    // What is not there is nowhere else either: the import says so.
    real = join(top, relative(resolve(folder), wanted));
  }
  const inside = relative(top, real);
  if (inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside)) return real;
  throw new VolleyError(
    "E_FORBIDDEN",
    `${path} is not below ${folder}, which this site imports from; volley image import takes any file, at the site's machine.`,
  );
}

type Entry = Importable["files"][number];

/** Makes the folder where it is not there yet. Throws E_CONTENT_READ. */
export async function listImportable(folder: string): Promise<Importable> {
  const files: Entry[] = [];
  try {
    makeFolder(folder);
    await look(folder, { top: folder, depth: 0, files });
  } catch (error) {
    throw new VolleyError("E_CONTENT_READ", `${folder} cannot be read: ${(error as Error).message}`);
  }
  files.sort((one, other) => (one.path < other.path ? -1 : 1));
  return { folder, files };
}

async function look(folder: string, into: { top: string; depth: number; files: Entry[] }): Promise<void> {
  const { depth, files, top } = into;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (files.length >= limits.importableMost) return;
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) {
      if (isSavedFolder(path)) files.push(await entryOf(top, path, "folder"));
      else if (depth + 1 < limits.importableDepth) await look(path, { ...into, depth: depth + 1 });
    } else if (entry.isFile() && namesImage(entry.name)) files.push(await entryOf(top, path, "file"));
  }
}

async function entryOf(top: string, path: string, kind: Entry["kind"]): Promise<Entry> {
  const { mtime, size } = await stat(path);
  return {
    path: relative(top, path),
    kind,
    bytes: kind === "file" ? size : null,
    changed: mtime.toISOString(),
  };
}
