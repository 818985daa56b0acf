/** The disk of an installed Linux as an image: its partitions and what starts them go along, so it stays one piece. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DiskFacts } from "../../platform/platform.ts";
import { linuxStateFolder } from "../../state-folder.ts";
import { findAppliedSystem } from "../applied/system.ts";
import { codes } from "../codes.ts";
import { runOrFail, service, setting, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { mountVolume, numberedDisks, unmountVolume } from "../volumes.ts";

export interface InstalledLinux {
  disk: DiskFacts;
  /** Of the volume with its root. */
  letter: string;
}

/** The first on the disks of this computer; null when there is none. */
export async function findInstalledLinux(context: StepContext): Promise<InstalledLinux | null> {
  for (const disk of await numberedDisks(context)) {
    if (disk.systemUses.length > 0 || disk.partitions.length === 0) continue;
    const found = await findAppliedSystem(context, disk).catch((error: unknown) => {
      // A disk without a table that can be read holds none.
      if (error instanceof StepFailure) return null;
      throw error;
    });
    if (found?.kind === "windows") return null;
    if (found?.kind === "linux") return { disk, letter: found.letter };
  }
  return null;
}

/** Returns what was done, a sentence. */
export async function captureLinuxDisk(
  context: StepContext,
  { disk, letter }: InstalledLinux,
  { description, name }: { name: string; description: string },
): Promise<string> {
  if (setting(context, "CaptureDestination", "OSDCaptureDestination") !== "") {
    const text = "The disk of a Linux is captured to the site alone: leave the destination empty";
    throw new StepFailure(codes.invalidSetting, text);
  }
  const uploads = service(context, "uploads", "site to upload the image to");
  // Two machines with one key would be one machine to the site. This run goes on in memory.
  await rm(join(await mountVolume(context, letter), linuxStateFolder), { recursive: true, force: true });
  await unmountVolume(context, letter);
  await runOrFail(context, "write everything to the disks", { command: ["sync"] });
  context.progress(0, `Capturing ${disk.path}`);
  await uploads.image({
    path: disk.path,
    diskBytes: disk.sizeBytes,
    name,
    description,
    signal: context.signal,
    progress: (fraction) => context.progress(fraction, `Capturing ${disk.path}`),
  });
  return `${disk.path} is at the site as "${name}"`;
}
