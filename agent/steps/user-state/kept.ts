/** Users' files that were kept where no image is written, brought back. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toVolleyError } from "../../../contract/errors.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { readPartitions } from "../partitioning/read-table.ts";
import { showPartitions } from "../partitioning/sfdisk.ts";
import type { KeptFound, KeptState } from "../services.ts";
import { setOutput, StepFailure, succeeded, workFolder } from "../step-kind.ts";
import type { StepContext, StepOutcome } from "../step.ts";
import { codes } from "../codes.ts";
import { decryptFile } from "./archive.ts";
import { unpackLinux } from "./linux-state.ts";

/** The archive's name in a store that was made without USMT. */
export const archiveName = "volley-user-state";
/** Where keptState has put what was captured. */
export const keptPlaceVariable = "_VolleyKeptState";

/** `keepNewer`: what is newer here than what was kept stays. */
export interface Return {
  accounts: boolean;
  keepNewer: boolean;
}

/** What was kept counts as kept no longer once it is back. */
export async function bringBack(
  context: StepContext,
  { kept, place }: { kept: KeptState; place: string },
  wish: Return,
): Promise<StepOutcome> {
  const { signal } = context;
  const found = await kept.find(signal);
  if (found?.restored === true && found.place === place) {
    setOutput(context, keptPlaceVariable, "");
    return succeeded("What was kept is back already");
  }
  const sealed = join(kept.folder, archiveName);
  await mkdir(dirname(sealed), { recursive: true, mode: 0o700 });
  const plain = join(await workFolder(context), "kept-state.tar.gz");
  let text: string;
  try {
    const key = await kept.fetch(place, sealed, signal);
    await decryptFile(sealed, plain, key);
    // Each of the two may be as large as the users' files themselves.
    await rm(sealed);
    text = await unpackLinux(context, plain, wish);
  } finally {
    await rm(sealed, { force: true });
    await rm(plain, { force: true });
  }
  try {
    await kept.forget(place, signal);
  } catch (error) {
    context.log.warning(`The files are back, and their copy stays: ${toVolleyError(error).detail}`);
  }
  setOutput(context, keptPlaceVariable, "");
  return succeeded(text);
}

/**
 * What another system on this machine kept and no run has brought back: it comes back into this one before that is captured,
 * since there is one place alone for both.
 */
export async function bringBackLeft(context: StepContext, kept: KeptState): Promise<void> {
  const left = await leftOf(context, kept);
  if (left === null || left.ownSystem) return;
  context.log.info(
    "Users' files of an earlier system are kept and were not brought back: that is done first",
  );
  try {
    await bringBack(context, { kept, place: left.place }, { accounts: true, keepNewer: true });
  } catch (error) {
    const text = `Users' files that an earlier run kept do not come back: ${toVolleyError(error).detail}`;
    const code = error instanceof StepFailure ? error.exitCode : codes.notReadyYet;
    throw new StepFailure(code, `${text} "volley machine drop-state" at the site forgets them.`);
  }
}

/** What is kept of this machine and not back, by whichever run. */
export async function leftOf(context: StepContext, kept: KeptState): Promise<KeptFound | null> {
  const found = await kept.find(context.signal);
  return found === null || found.restored ? null : found;
}

/** What of users' files is kept, whether this run did that or an earlier one. */
export interface KeptRoom {
  place: string;
  bytes: number;
  /** From where on the disk it may not be written; null where that is nowhere. */
  offset: number | null;
}

export async function keptRoomOf(context: StepContext, disk: DiskFacts): Promise<KeptRoom | null> {
  const kept = context.services?.keptState;
  if (kept === undefined) return null;
  const place = context.variables.get(keptPlaceVariable) || (await leftOf(context, kept))?.place;
  if (place === undefined) return null;
  const { bytes, reserve } = kept.facts(place);
  return { place, bytes, offset: reserve?.identity === disk.identity ? reserve.offset : null };
}

/** In the table that an image or a step has just written; nothing of the disk is mounted. */
export async function holdRoom(context: StepContext, disk: DiskFacts, room: KeptRoom | null): Promise<void> {
  if (room === null || room.offset === null) return;
  await context.services?.keptState?.hold(room.place);
  const { partitions } = await readPartitions(context, disk.path);
  await showPartitions(
    context,
    disk.path,
    partitions.map(({ number }) => number),
  );
}
