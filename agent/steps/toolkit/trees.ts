/** Whole folders, copied and moved so that a step can be ended on the way and begun again. */
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { StepContext } from "../step.ts";

/**
 * A file, or a folder with all that is in it, over what has its name there; what else is there stays. Each file is on the disk
 * before the next one begins. Returns the number of files.
 */
export async function copyPath(context: StepContext, source: string, target: string): Promise<number> {
  context.signal.throwIfAborted();
  const status = await lstat(source);
  if (status.isDirectory()) {
    await mkdir(target, { recursive: true });
    let files = 0;
    for (const name of await readdir(source)) {
      files += await copyPath(context, join(source, name), join(target, name));
    }
    return files;
  }
  await rm(target, { force: true });
  if (status.isSymbolicLink()) await symlink(await readlink(source), target);
  else {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    const copy = await open(target, "r+");
    await copy.sync().finally(() => copy.close());
  }
  return 1;
}

/** What a rename says of another volume, and of a folder that a move left behind that was cut off. */
const notAtOnce = new Set(["EXDEV", "ENOTEMPTY", "EEXIST", "EPERM"]);

/** As copyPath; nothing goes from `source` before all of it is at `target`. */
export async function movePath(context: StepContext, source: string, target: string): Promise<void> {
  try {
    await rename(source, target);
  } catch (error) {
    if (!notAtOnce.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await copyPath(context, source, target);
    await rm(source, { recursive: true });
  }
}
