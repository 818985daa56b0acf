/** In Windows PE: which letter the Windows on a disk has that was just written. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "../../../contract/limits.ts";
import type { DiskFacts, PartitionFacts } from "../../platform/platform.ts";
import type { StepContext } from "../step.ts";
import { hostPath, numberedDisks } from "../volumes.ts";
import { hideVolume, windowsVolumeAt } from "../windows/volumes.ts";
import { noteAppliedWindows } from "./system.ts";

/** Notes it for the steps that follow; null where the disk holds no Windows. Its volume gets a letter when it has none. */
export async function findAppliedWindows(context: StepContext, disk: DiskFacts): Promise<string | null> {
  for (const { letter: before, number } of await ntfsVolumes(context, disk)) {
    if (disk.number === undefined || number === undefined) continue;
    const letter = before ?? (await windowsVolumeAt(context, disk.number, number));
    if (existsSync(await hostPath(context, `${letter}:\\Windows\\System32\\ntoskrnl.exe`))) {
      noteAppliedWindows(context, letter);
      return letter;
    }
    if (before === undefined) await hideVolume(context, { disk: disk.number, partition: number, letter });
  }
  return null;
}

/** The largest first, once Windows shows any: it looks at a new table in its own time. */
async function ntfsVolumes(context: StepContext, disk: DiskFacts): Promise<PartitionFacts[]> {
  const until = Date.now() + limits.partitionNodeMs;
  for (;;) {
    const now = (await numberedDisks(context)).find(({ path }) => path === disk.path);
    const found = (now?.partitions ?? []).filter(({ fileSystem }) => fileSystem === "ntfs");
    if (found.length > 0 || Date.now() > until) {
      return found.toSorted((one, other) => other.sizeBytes - one.sizeBytes);
    }
    await delay(limits.partitionShowAgainMs, undefined, { signal: context.signal });
  }
}
