/**
 * What the agent was writing, and where to. It is there from the confirmation of the plan until the disk is verified,
 * so that an agent that starts after a crash or a power cut goes on without asking and without what the disk holds.
 */
import { z } from "zod";
import { HexRoot, Identifier, Time } from "../../contract/common.ts";
import type { DiskFacts } from "../platform/platform.ts";
import type { StateFolder } from "../state-folder.ts";

export const Checkpoint = z.object({
  deploymentId: Identifier,
  root: HexRoot,
  device: z.string(),
  identity: z.string(),
  started: Time,
  /** As Fitting.partitionsOf, from before anything of the disk was changed. */
  partitionsBefore: z.array(z.string()).default([]),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

const fileName = "checkpoint.json";

export function readCheckpoint(state: StateFolder): Checkpoint | null {
  return state.read(fileName, Checkpoint);
}

/** Durable when it returns, and before the first byte of the disk is changed. */
export function writeCheckpoint(state: StateFolder, checkpoint: Checkpoint): void {
  state.write(fileName, checkpoint);
}

export function clearCheckpoint(state: StateFolder): void {
  state.remove(fileName);
}

/** Whether it is about this image on this very disk: then the disk is scanned before anything is asked for. */
export function isResume(checkpoint: Checkpoint | null, root: string, disk: DiskFacts): boolean {
  return checkpoint !== null && checkpoint.root === root && checkpoint.identity === disk.identity;
}

/** Whether the person who confirmed it then has confirmed the same now: deployment, image and disk. */
export function isConfirmed(
  checkpoint: Checkpoint | null,
  deploymentId: string,
  root: string,
  disk: DiskFacts,
): boolean {
  return isResume(checkpoint, root, disk) && checkpoint?.deploymentId === deploymentId;
}
