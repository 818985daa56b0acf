/** Apply Operating System Image with the image of a whole disk: its partitions and what starts it come with it. */
import { VolleyError } from "../../../contract/errors.ts";
import { chooseDisk, describe, judgeDisk, type DiskDemand } from "../../imaging/choose-disk.ts";
import { makePlan } from "../../imaging/plan.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { sizeText } from "../../report/words.ts";
import { settleDisk } from "../applied/settle-disk.ts";
import { forgetAppliedSystem } from "../applied/system.ts";
import { notePartitions } from "../boot-files/partitions-before.ts";
import { codes } from "../codes.ts";
import { showPlan } from "../show-plan.ts";
import { noteLocation, service, StepFailure, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { keptRoomOf, type KeptRoom } from "../user-state/kept.ts";
import {
  diskOfIndex,
  dropLettersOf,
  isLinux,
  numberedDisks,
  unmountVolume,
  usedLetters,
  volumeOf,
} from "../volumes.ts";

/** Returns what was done, a sentence. */
export async function applyDiskImage(context: StepContext, packageId: string): Promise<string> {
  const applier = service(context, "imageApplier", "site that could cast the image");
  const demand = await applier.diskDemand(packageId);
  const disk = await takeDisk(context, demand);
  const room = isLinux(context) ? await keptRoomOf(context, disk) : null;
  if (room !== null) checkRoom(disk, demand, room);
  const { lost } = makePlan(disk);
  await showPlan(context, [
    `Everything on ${disk.path} (${describe(disk)}) is replaced by image ${packageId}:`,
    ...lost.map((text) => `  lost: ${text}`),
  ]);
  dropLettersOf(context, disk);
  forgetAppliedSystem(context);
  await notePartitions(context, disk.path);
  await service(context, "ownFiles", "way to let go of volumes").close();
  const doing = `Receiving image ${packageId}`;
  context.progress(0, doing);
  const text = await applier.writeTo({
    packageId,
    device: disk.path,
    disk,
    progress: (fraction) => context.progress(fraction * 0.95, doing),
    at: (location) => noteLocation(context.variables, location),
    signal: context.signal,
  });
  context.progress(0.95, "Looking at what was applied");
  const system = await settleDisk(context, { disk, packageId, room });
  if (system === null) context.log.warning(`No operating system was found on ${disk.path}`);
  const brought =
    system === null ? "" : `, a ${system.kind === "linux" ? "Linux" : "Windows"} on ${system.letter}:`;
  return `Image ${packageId} is on ${disk.path}${brought}: ${text}`;
}

/** Before anything is written: what is known then of whether users' files can stay, and come back. */
function checkRoom(
  disk: DiskFacts,
  { contentBytes, image }: DiskDemand & { contentBytes: number },
  { bytes, offset }: KeptRoom,
): void {
  const end = offset ?? disk.sizeBytes;
  if (image.smallestDiskBytes > end) {
    const text = `The image takes ${sizeText(image.smallestDiskBytes)}, and users' files are kept from ${sizeText(end)} on`;
    throw new StepFailure(codes.diskFull, `${text} of ${disk.path}`);
  }
  // The image's content is compressed, and the files are there twice while they are unpacked: it is never less.
  const least = contentBytes + 2 * bytes;
  if (least <= end) return;
  const text = `The image and the users' files that are to come back take ${sizeText(least)} at least`;
  throw new StepFailure(codes.diskFull, `${text}, and ${disk.path} has ${sizeText(end)} for them`);
}

/** The disk that the step names, else the only one that fits. Throws as chooseDisk, and StepFailure. */
async function takeDisk(context: StepContext, demand: DiskDemand): Promise<DiskFacts> {
  if (isLinux(context)) await unmountOwn(context);
  const disks = await numberedDisks(context);
  const index = context.property("DestinationDisk");
  if (index === "" && disks.length > 1) return chooseDisk(disks, demand);
  const number = wholeNumber(index, "The destination's disk", { least: 0, most: 10_000, fallback: 0 });
  // Who started the agent has named the only disk that the steps see, whatever stands behind it.
  const disk = (index === "" ? disks[0] : undefined) ?? (await diskOfIndex(context, number));
  const [refusal] = judgeDisk(disk, demand, true);
  if (refusal !== undefined) {
    throw new VolleyError(refusal.code, `Disk ${number}, ${disk.path}, ${refusal.reason}`);
  }
  return disk;
}

/** Volumes that an earlier step mounted are ours, and no reason to refuse their disk. */
async function unmountOwn(context: StepContext): Promise<void> {
  for (const letter of usedLetters(context)) {
    const volume = await volumeOf(context, letter).catch(() => null);
    if (volume !== null) await unmountVolume(context, letter);
  }
}
