/**
 * A disk that was just written with the image of a whole one becomes this computer's own, and the operating system that it brought
 * is found for the steps that follow.
 */
import { toVolleyError } from "../../../contract/errors.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { partitionsNoted } from "../boot-files/partitions-before.ts";
import { codes } from "../codes.ts";
import { runOrFail, service, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { holdRoom, type KeptRoom } from "../user-state/kept.ts";
import { dropLettersOf, isLinux, unmountVolume } from "../volumes.ts";
import { growVolume, settleTable } from "./grow.ts";
import { findAppliedSystem, forgetAppliedSystem, type AppliedSystem } from "./system.ts";
import { findAppliedWindows } from "./windows-letter.ts";

export interface WrittenDisk {
  disk: DiskFacts;
  packageId: string;
  /** What is kept of users' files; null where nothing is, as in Windows PE. */
  room: KeptRoom | null;
}
/** Null where no operating system was found on it. */
type Settled = Pick<AppliedSystem, "kind" | "letter"> | null;

export function settleDisk(context: StepContext, written: WrittenDisk): Promise<Settled> {
  return isLinux(context) ? settleInLinuxPe(context, written) : settleInWindowsPe(context, written);
}

async function settleInLinuxPe(context: StepContext, written: WrittenDisk): Promise<Settled> {
  const { disk, room } = written;
  await settleTable(context, disk);
  await holdRoom(context, disk, room);
  const system = await findAppliedSystem(context, disk);
  if (system?.kind === "windows") {
    await unmountVolume(context, system.letter);
    await makeOwn(context, written);
  } else if (system !== null && (await growVolume(context, disk, { ...system, end: room?.offset ?? null }))) {
    context.log.info(`${system.letter}: fills the disk now`);
  }
  await runOrFail(context, "write everything to the disks", { command: ["sync"] });
  return system;
}

/** Windows shows the volumes of a new table by itself, and fitting leaves alone what has none of Windows'. */
async function settleInWindowsPe(context: StepContext, written: WrittenDisk): Promise<Settled> {
  await makeOwn(context, written);
  const letter = await findAppliedWindows(context, written.disk);
  return letter === null ? null : { kind: "windows", letter };
}

/**
 * As a deployment of the image itself does it with `--fit`. Where that fails, no step that follows takes what is on the disk for
 * an applied Windows.
 */
async function makeOwn(context: StepContext, { disk, packageId, room }: WrittenDisk): Promise<void> {
  context.progress(0.97, "Making the disk this computer's own");
  const fitting = service(context, "diskFitting", "way to fit a disk");
  const wish = { partitionsBefore: partitionsNoted(context), keptFrom: room?.offset ?? null };
  try {
    for (const text of await fitting.fit(disk.path, wish)) context.log.info(text);
  } catch (error) {
    forgetAppliedSystem(context);
    dropLettersOf(context, disk);
    const { code, detail } = toVolleyError(error);
    if (code === "E_CANCELLED" || code === "E_INTERNAL") throw error;
    const text = `Image ${packageId} is on ${disk.path}, which did not become this computer's own: ${code}: ${detail}`;
    throw new StepFailure(codes.failed, text);
  }
}
