/** The one folder of the site's machine that people elsewhere may import images from. */
import { randomUUID } from "node:crypto";
import { realpathSync } from "node:fs";
import { copyFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Importable } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { makeFolder, syncPath } from "../store/files.ts";
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

/**
 * Puts a file of another folder there, durably. Throws E_IMAGE_FORMAT where its name is no image's, E_CONFLICT where there is one
 * of the name, E_CONTENT_WRITE.
 */
export async function putImportable(folder: string, path: string, fileName: string): Promise<void> {
  if (!namesImage(fileName)) {
    throw new VolleyError("E_IMAGE_FORMAT", `The name ${fileName} does not say what the image is.`);
  }
  const wanted = join(folder, fileName);
  // Hidden from the list until it is whole: the folder may be of another file system.
  const unfinished = join(folder, `.${randomUUID()}`);
  try {
    makeFolder(folder);
    await rename(path, unfinished).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
      await copyFile(path, unfinished);
      syncPath(unfinished);
      await rm(path);
    });
    // The name is taken first: not every file system of a share knows links, and a rename would overwrite.
    await writeFile(wanted, "", { flag: "wx" });
    await rename(unfinished, wanted);
    syncPath(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new VolleyError("E_CONFLICT", `There is a file ${fileName} in ${folder}.`, { cause: error });
    }
    throw new VolleyError("E_CONTENT_WRITE", `${wanted}: ${(error as Error).message}`, { cause: error });
  } finally {
    await rm(unfinished, { force: true });
  }
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
