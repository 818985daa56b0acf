/** GRUB for a BIOS in front of an MBR disk's partitions, in the place of boot sectors that no image has. */
import { createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  biosSectorBytes,
  grubConfiguration,
  grubCoreWords,
  grubFolder,
  joinGrub,
} from "../../windows/grub-loader.ts";
import { runTool } from "./tools.ts";

export interface GrubWork {
  /** Where the first partition begins, which is the one that GRUB starts from. */
  startBytes: number;
  /** Exists, for what is in between. */
  folder: string;
  signal?: AbortSignal;
}

/** On the disk when it resolves. Throws E_TOOL_MISSING, E_TOOL_FAILED, E_CANCELLED. */
export async function putGrub(disk: string, { folder, signal, startBytes }: GrubWork): Promise<void> {
  const boot = await readBootImage();
  const [config, image] = [join(folder, "grub.cfg"), join(folder, "core.img")];
  await writeFile(config, grubConfiguration);
  const words = grubCoreWords(1, { config, image });
  const limitMs = limits.mediaToolMs;
  const { complaint, exitCode } = await runTool("grub-mkimage", words, signal, { limitMs });
  if (exitCode !== 0) throw new VolleyError("E_TOOL_FAILED", `grub-mkimage (${exitCode}): ${complaint}`);
  const { code, core } = joinGrub(boot, await readFile(image));
  if (core.length > startBytes - biosSectorBytes) {
    throw new VolleyError("E_TOOL_FAILED", `GRUB takes ${core.length} bytes before the first partition.`);
  }
  // The core first: a disk with half of it does not start, and says so.
  await writeAt(disk, core, biosSectorBytes);
  await writeAt(disk, code, 0);
}

/** A stream writes on where a single write took less than it was given. */
async function writeAt(disk: string, bytes: Buffer, start: number): Promise<void> {
  await pipeline(Readable.from([bytes]), createWriteStream(disk, { flags: "r+", start, flush: true }));
}

async function readBootImage(): Promise<Buffer> {
  try {
    return await readFile(join(grubFolder, "boot.img"));
  } catch (error) {
    const detail = "GRUB's parts for a BIOS are not installed (package grub-pc-bin).";
    throw new VolleyError("E_TOOL_MISSING", detail, { cause: error });
  }
}
