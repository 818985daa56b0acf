/**
 * Streams an image of any format as raw bytes through a FIFO, so that no raw copy lands on a disk. `nbdcopy` reads
 * the image from a `qemu-nbd` of its own and writes it, in order, into the FIFO that the addon reads.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import type { Source } from "./source.ts";
import { complaintCharacters, runTool, startFailure, toolEnvironment } from "./tools.ts";

export interface RawPipe {
  /** The FIFO: whoever opens it for reading gets the raw image and then its end. */
  path: string;
  /** Resolves at the programs' end, also by `stop`; rejects with E_TOOL_FAILED when they fail. */
  finished: Promise<void>;
  /** Ends the programs. A reader that waits is let go. */
  stop(): void;
}

/** The shell opens the FIFO, which waits for the reader, and becomes nbdcopy. Paths are parameters, never script. */
const script = 'exec nbdcopy -- [ qemu-nbd -r -f "$1" "$2" ] - >"$3"';

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
  // It ends with this process, even while it waits for a reader; and it has a process group of its own, so that
  // its qemu-nbd can be ended with it.
  const untilParentDies = ["--pdeathsig", "KILL", "/bin/sh"];
  const child = spawn("setpriv", [...untilParentDies, "-c", script, "sh", source.driver, source.path, path], {
    stdio: ["ignore", "ignore", "pipe"],
    env: toolEnvironment(),
    detached: true,
  });
  let stopped = false;
  const finished = watch(child, () => stopped).finally(() => releaseReader(path));
  finished.catch(() => undefined);
  const stop = (): void => {
    stopped = true;
    killGroup(child);
  };
  return { path, finished, stop };
}

function killGroup(child: ChildProcess): void {
  try {
    // Until its end is known its number cannot be another's.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, "SIGKILL");
    }
  } catch {
    // It ended at this moment.
  }
}

function watch(child: ChildProcess, wasStopped: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-complaintCharacters);
    });
    child.on("error", (error) => reject(startFailure("setpriv", error)));
    child.on("close", (exitCode, signal) => {
      if (exitCode === 0 || (signal === "SIGKILL" && wasStopped())) resolve();
      else reject(new VolleyError("E_TOOL_FAILED", `nbdcopy (${signal ?? exitCode}): ${complaint.trim()}`));
    });
  });
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
