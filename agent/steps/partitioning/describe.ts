/** What becomes of a disk, for a person, before anything is written. */
import { describe } from "../../imaging/choose-disk.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { sizeText } from "../../report/words.ts";
import type { DiskPlan } from "./plan.ts";

export function describeLoss(disk: DiskFacts): string[] {
  if (disk.partitions.length === 0) return ["  lost: nothing found"];
  return disk.partitions.map(({ fileSystem, label, name, sizeBytes }) =>
    [`  lost: ${name}`, sizeText(sizeBytes), fileSystem, label === "" ? "" : `"${label}"`]
      .filter((word) => word !== "")
      .join(" "),
  );
}

export function describePlan(disk: DiskFacts, plan: DiskPlan): string[] {
  const made = plan.partitions.map((partition) => {
    const { active, fileSystem, number, sizeBytes, type, volumeName } = partition;
    const words = [type, sizeText(sizeBytes), fileSystem ?? "not formatted"];
    if (volumeName !== "") words.push(`"${volumeName}"`);
    if (active) words.push("boot");
    return `  partition ${number}: ${words.join(" ")}`;
  });
  const heading = `Everything on ${disk.path} (${describe(disk)}) is replaced by a ${plan.style} table:`;
  return [heading, ...describeLoss(disk), ...made];
}
