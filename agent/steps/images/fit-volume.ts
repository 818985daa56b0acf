/**
 * After a block image: an NTFS volume takes the whole of its partition, with a serial number of its own. The image's
 * hash was proved before; what is on the partition from here on is the machine's.
 */
import { growNtfsCommands } from "../../platform/linux/grow-ntfs.ts";
import { runOrFail } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { isLinux } from "../volumes.ts";

/** Answers what was done, sentences without their stop; none for another file system, or on Windows. */
export async function fitVolume(context: StepContext, device: string): Promise<string[]> {
  if (!isLinux(context)) return [];
  const command = ["blkid", "-p", "-o", "value", "-s", "TYPE", device];
  const { exitCode, output } = await context.tools.run({ command });
  if (exitCode !== 0 || output.trim() !== "ntfs") return [];
  context.progress(0.9, `Growing the volume to ${device}`);
  for (const words of growNtfsCommands(device)) {
    await runOrFail(context, `grow the volume on ${device}`, { command: words });
  }
  return ["The volume was grown to its partition and has a serial number of its own"];
}
