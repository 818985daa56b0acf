/**
 * What the agent in the PE has of the agent that staged it: who this machine is to its site, reports that have not been
 * taken, and where the run stands. It is the first archive of the initial file system (the kernel unpacks any number, one
 * after another: "initramfs buffer format", Linux), so it is in memory before the disk is overwritten.
 */
import { randomUUID } from "node:crypto";
import { mkdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { runTool } from "../platform/run-tool.ts";
import { linuxStateFolder } from "../state-folder.ts";
import { type Carried, copyCarried, originFile } from "./carried-files.ts";

/** Its being there tells the PE's scripts that this machine has a system to go back to. */
export const stagedMark = "etc/volley/staged";
/** What follows it may begin at a multiple of 4 alone. */
const alignment = 512;
const archiveMs = 120_000;

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

async function fill(tree: string, carried: Carried): Promise<void> {
  const { deploymentId } = carried;
  const deployment = join("deployments", deploymentId);
  await mkdir(join(tree, "etc/volley"), { recursive: true });
  await mkdir(join(tree, linuxStateFolder, deployment), { recursive: true, mode: 0o700 });
  await writeFile(join(tree, stagedMark), `${deploymentId}\n`);
  await writeFile(join(tree, linuxStateFolder, originFile), `${JSON.stringify({ deploymentId })}\n`, {
    mode: 0o600,
  });
  await copyCarried(carried, join(tree, linuxStateFolder));
}
