/** The INF files below a folder, read. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InfFailure, parseInf, type InfTarget } from "../../../windows/inf.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase } from "../volumes.ts";
import type { DriverFile } from "./rank.ts";

/** Of one package; a larger one is no package of drivers. */
const filesMost = 100_000;

/** Files that are no driver's INF are logged and left out. */
export async function collectDrivers(
  context: StepContext,
  options: { packageId: string; folder: string; recurse: boolean; target: InfTarget },
): Promise<DriverFile[]> {
  const files: DriverFile[] = [];
  for (const path of await infFiles(options.folder, options.recurse)) {
    try {
      const driver = parseInf(await readFile(path), options.target);
      const catalog = driver.catalog === "" ? "" : await findInAnyCase(dirname(path), [driver.catalog]);
      files.push({
        packageId: options.packageId,
        path,
        driver,
        signed: catalog !== "" && existsSync(catalog),
      });
    } catch (error) {
      if (!(error instanceof InfFailure)) throw error;
      context.log.detail(`${path} is left out: ${error.message}`);
    }
  }
  return files;
}

async function infFiles(folder: string, recurse: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: recurse });
  return entries
    .slice(0, filesMost)
    .filter((entry) => entry.isFile() && /\.inf$/i.test(entry.name) && !/^autorun\.inf$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
