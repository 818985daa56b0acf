/** The demo's machines: an agent process each, with a disk that had another life before. */
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { siteAddress } from "./site.ts";
import type { DemoSite } from "./site.ts";
import type { Program, Programs } from "./programs.ts";

const mebibyte = 1024 * 1024;
/** Every so often one MiB of an old system, so that the image's holes have something to clear. */
const leftoverEveryBytes = 64 * mebibyte;

export interface DemoMachine {
  name: string;
  diskFile: string;
  agent: Program;
}

/** A disk of exactly `bytes`, with the remains of an older system on it. */
export function makeDisk(path: string, bytes: number): void {
  rmSync(path, { force: true });
  const leftover = Buffer.alloc(mebibyte, "an older system was here\n");
  const disk = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(disk, bytes);
    for (let offset = 0; offset < bytes; offset += leftoverEveryBytes) {
      writeSync(disk, leftover, 0, Math.min(mebibyte, bytes - offset), offset);
    }
  } finally {
    closeSync(disk);
  }
}

export interface MachineOptions {
  /** From 1. */
  number: number;
  diskFile: string;
  site: DemoSite;
  credentialFile: string;
  workFolder: string;
}

export function startMachine(programs: Programs, script: string, options: MachineOptions): DemoMachine {
  const name = `pc-${String(options.number).padStart(2, "0")}`;
  const stateFolder = join(options.workFolder, name);
  mkdirSync(stateFolder, { mode: 0o700 });
  const agent = programs.start(name, script, [
    "deploy",
    "--site",
    options.site.url,
    "--fingerprint",
    options.site.fingerprint,
    "--credential-file",
    options.credentialFile,
    "--name",
    name,
    "--disk",
    options.diskFile,
    "--interface",
    siteAddress,
    "--state",
    stateFolder,
    "--yes",
    "--once",
  ]);
  return { name, diskFile: options.diskFile, agent };
}
