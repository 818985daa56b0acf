/**
 * Streams an image of any format as raw bytes through a FIFO, so that no raw copy lands on a disk. `nbdcopy` reads
 * the image from a `qemu-nbd` of its own and writes it, in order, into the FIFO that the addon reads.
 */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import { startGroup, type ProgramGroup } from "./program-group.ts";
import type { Source } from "./source.ts";
import { complaintCharacters, runTool } from "./tools.ts";

export interface RawPipe {
  /** The FIFO: whoever opens it for reading gets the raw image and then its end. */
  path: string;
  /** Resolves at the programs' end, also by `stop`; rejects with E_TOOL_FAILED when they fail. */
  finished: Promise<void>;
  /** Ends the programs. A reader that waits is let go. */
  stop(): void;
}

/** The shell opens the FIFO, which waits for the reader. Paths are parameters, never script. */
const script = 'nbdcopy -- [ qemu-nbd -r -f "$1" "$2" ] - >"$3"';

export async function openRawPipe(source: Source, folder: string): Promise<RawPipe> {
  const path = join(folder, "raw");
  const made = await runTool("mkfifo", ["-m", "600", path]);
  if (made.exitCode !== 0) {
    throw new VolleyError("E_CONTENT_WRITE", `No FIFO in ${folder}: ${made.complaint}`);
  }
  for (const [program, question] of [
    ["nbdcopy", "--version"],
    ["qemu-nbd", "--version"],
  ] as const) {
    await runTool(program, [question]);
  }
  const group = startGroup(script, [source.driver, source.path, path]);
  let isStopped = false;
  const finished = watch(group, () => isStopped).finally(() => releaseReader(path));
  finished.catch(() => undefined);
  const stop = (): void => {
    isStopped = true;
    group.end();
  };
  return { path, finished, stop };
}

async function watch(group: ProgramGroup, isStopped: () => boolean): Promise<void> {
  let complaint = "";
  group.heard((text) => {
    complaint = (complaint + text).slice(-complaintCharacters);
  });
  const { code, signal } = await group.ended;
  if (code === 0 || (signal === "SIGKILL" && isStopped())) return;
  throw new VolleyError("E_TOOL_FAILED", `nbdcopy (${signal ?? code}): ${complaint.trim()}`);
}

/** A reader that opened the FIFO after the writer was gone waits for ever; a writer that comes and goes ends that. */
async function releaseReader(path: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
      return;
    } catch {
      // No reader (yet), or the FIFO is gone.
      await delay(50);
    }
  }
}
