/** The disk that a step is going to overwrite whole. */
import { safetyRefusals } from "../../imaging/choose-disk.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { diskOfIndex, isLinux, unmountVolume, usedLetters, volumeOf } from "../volumes.ts";

/** The disk of that index, when it may be overwritten: never one the running system lives on. */
export async function takeDisk(context: StepContext, index: number): Promise<DiskFacts> {
  let disk = await diskOfIndex(context, index);
  if (isLinux(context)) {
    await unmountOwn(context, disk);
    disk = await diskOfIndex(context, index);
  }
  const [refusal] = safetyRefusals(disk, { removable: false }, true);
  if (refusal !== undefined) {
    throw new StepFailure(codes.accessDenied, `Disk ${index}, ${disk.path}, ${refusal.reason}`);
  }
  return disk;
}

/** Volumes that an earlier step gave a letter are mounted by us, and no reason to refuse the disk. */
async function unmountOwn(context: StepContext, disk: DiskFacts): Promise<void> {
  for (const letter of usedLetters(context)) {
    const volume = await volumeOf(context, letter).catch(() => null);
    if (volume?.disk.identity === disk.identity) await unmountVolume(context, letter);
  }
}
