/** What a deployment does to disks, in words: each machine chooses by the rule when it begins, so no disk can be named. */
import type { DeploymentRequest } from "../../contract/administration.ts";
import type { DiskRule } from "../../contract/deployment.ts";
import { bytesText } from "../quantities.ts";

export function diskEffects({ disk, sequenceId }: Pick<DeploymentRequest, "disk" | "sequenceId">): string[] {
  const meant = diskText(disk);
  if (sequenceId !== null) {
    return [
      "The task sequence runs, and does to the disks what its steps say.",
      `A step that writes the image of a whole disk takes one that ${meant}.`,
    ];
  }
  return [
    `What is on one disk of each machine is lost: the only one that ${meant}.`,
    "A machine where no disk is so, or several are and its agent was not told which, fails and writes nothing.",
    ...(disk.fit === true
      ? ["Afterwards Windows is grown to the disk, which gets identifiers of its own."]
      : []),
  ];
}

/** As the agent's choose-disk judges. */
function diskText({ leastBytes, mostBytes, removable, serial }: DiskRule): string {
  const wanted = [
    "is not in use",
    "fits the image",
    ...(serial === undefined ? [] : [`has the serial number ${serial}`]),
    ...(leastBytes === undefined ? [] : [`holds at least ${bytesText(leastBytes)}`]),
    ...(mostBytes === undefined ? [] : [`holds at most ${bytesText(mostBytes)}`]),
    removable ? "may be removable" : "is not removable",
  ];
  return new Intl.ListFormat("en-GB").format(wanted);
}
