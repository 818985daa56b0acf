/** Wipe Disk (MDT). Sources: ZTIWipeDisk.wsf and WipeDisk in the "Toolkit reference". */
import { describe } from "../../imaging/choose-disk.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { sizeText } from "../../report/words.ts";
import { notePartitions } from "../boot-files/partitions-before.ts";
import { describeLoss } from "../partitioning/describe.ts";
import { takeDisk } from "../partitioning/take-disk.ts";
import { showPlan } from "../show-plan.ts";
import { adapted, runOrFail, stepKind, succeeded, unsupported } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { keptRoomOf } from "../user-state/kept.ts";
import { dropLettersOf, isLinux } from "../volumes.ts";
import { runDiskpart } from "../windows/volumes.ts";

/** "Win32_DiskPartition at DiskIndex 0". */
const diskIndex = 0;
/** "Zero every sector … and perform the operation three times". */
const passes = 3;
/** What is written between two looks at how far it is. */
const pieceBytes = 256 * 1024 ** 2;

const whole = adapted(
  "every sector of disk 0 is overwritten with zeros three times, as the toolkit's Format does with the disk's first partition",
);
const peOnly = unsupported("it runs in a PE alone: a running system does not wipe its own disk");

export const wipeDisk = stepKind({
  type: "ZTIWipeDisk",
  title: "Wipe Disk",
  support: { winpe: whole, linuxpe: whole, windows: peOnly, linux: peOnly },
  async perform(context) {
    const wish = context.variables.get("WipeDisk");
    // "This property value must be specified in uppercase letters".
    if (wish !== "TRUE") {
      return succeeded(`Nothing is wiped: WipeDisk is ${wish === "" ? "not set" : `"${wish}"`}, not TRUE`);
    }
    const disk = await takeDisk(context, diskIndex);
    const kept = isLinux(context) ? ((await keptRoomOf(context, disk))?.offset ?? null) : null;
    const bytes = Math.min(kept ?? disk.sizeBytes, disk.sizeBytes);
    const heading = `Every sector of ${disk.path} (${describe(disk)}) is overwritten ${passes} times:`;
    const spared = kept === null ? [] : [`  kept: users' files, from ${sizeText(bytes)} on`];
    await showPlan(context, [heading, ...describeLoss(disk), ...spared]);
    await notePartitions(context, disk.path);
    if (isLinux(context)) await overwrite(context, disk, bytes);
    else await cleanAll(context);
    return succeeded(`${sizeText(bytes)} of ${disk.path} were overwritten ${passes} times`);
  },
});

async function overwrite(context: StepContext, disk: DiskFacts, bytes: number): Promise<void> {
  dropLettersOf(context, disk);
  for (let pass = 1; pass <= passes; pass += 1) {
    const started = performance.now();
    for (let at = 0; at < bytes; at += pieceBytes) {
      const count = Math.min(pieceBytes, bytes - at);
      await runOrFail(context, `overwrite ${disk.path}`, {
        command: [
          ["dd", "if=/dev/zero", `of=${disk.path}`, "bs=4M", "iflag=count_bytes,fullblock", `count=${count}`],
          ["oflag=seek_bytes,direct", `seek=${at}`, "conv=notrunc,fsync", "status=none"],
        ].flat(),
      });
      const rate = (at + count) / Math.max((performance.now() - started) / 1000, 0.001);
      const doing = `Overwriting ${disk.path}, time ${pass} of ${passes}, ${sizeText(rate)}/s`;
      context.progress((pass - 1 + (at + count) / bytes) / passes, doing);
    }
  }
}

/** "clean all": each and every sector on the disk is set to zero. */
async function cleanAll(context: StepContext): Promise<void> {
  for (let pass = 1; pass <= passes; pass += 1) {
    context.progress((pass - 1) / passes, `Overwriting disk ${diskIndex}, time ${pass} of ${passes}`);
    await runDiskpart(context, `overwrite disk ${diskIndex}`, [`select disk ${diskIndex}`, "clean all"]);
  }
}
