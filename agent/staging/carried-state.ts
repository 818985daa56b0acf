/**
 * What the agent in the PE has of the agent that staged it: who this machine is to its site, reports that have not been
 * taken, and where the run stands. It is the first archive of the initial file system (the kernel unpacks any number, one
 * after another: "initramfs buffer format", Linux), so it is in memory before the disk is overwritten.
 */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";

/** The agent's folder in the PE, where nobody names another. */
const peFolder = "var/lib/volley-agent";
/** Its being there tells the PE's scripts that this machine has a system to go back to. */
const stagedMark = "etc/volley/staged";
/** In the agent's folder of the PE; see `wasStaged`. */
export const originFile = "origin.json";
/** What follows it may begin at a multiple of 4 alone. */
const alignment = 512;
const archiveMs = 120_000;

export interface Carried {
  /** The agent's state folder. */
  state: string;
  deploymentId: string;
  /** Names of files of the state folder that are about this system alone. */
  leftOut: readonly string[];
}

/** Writes the archive to `output`. Rejects with E_STAGING. */
export async function packState(carried: Carried, output: string): Promise<void> {
  const tree = `${output}.${randomUUID()}`;
  try {
    await fill(tree, carried);
    // Names go in by a list that find makes in the folder itself, so that none is taken for an option.
    const line = 'cd "$1" && find . -print0 | cpio --null --quiet --create --format=newc --owner=0:0 > "$2"';
    await rm(output, { force: true });
    await writeFile(output, "", { mode: 0o600 });
    if ((await runTool(["sh", "-c", line, "sh", tree, output], archiveMs)) === null) {
      throw new VolleyError("E_STAGING", "cpio (package cpio) could not archive the agent's state");
    }
    const { size } = await stat(output);
    await truncate(output, Math.ceil(size / alignment) * alignment);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function fill(tree: string, { deploymentId, leftOut, state }: Carried): Promise<void> {
  const deployment = join("deployments", deploymentId);
  await mkdir(join(tree, "etc/volley"), { recursive: true });
  await mkdir(join(tree, peFolder, deployment), { recursive: true, mode: 0o700 });
  await writeFile(join(tree, stagedMark), `${deploymentId}\n`);
  await writeFile(join(tree, peFolder, originFile), `${JSON.stringify({ deploymentId })}\n`, { mode: 0o600 });
  for (const folder of [".", deployment]) {
    for (const name of await readdir(join(state, folder))) {
      const from = join(state, folder, name);
      const facts = await stat(from);
      const isState =
        facts.isFile() && facts.size <= limits.carriedFileBytes && !/\.(part|gz|sealed)$/.test(name);
      if (isState && !leftOut.includes(name)) await copyFile(from, join(tree, peFolder, folder, name));
    }
  }
}
