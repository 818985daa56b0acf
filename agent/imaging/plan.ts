/** What will happen to which disk, in words, and the question whether it should. */
import type { ImageFacts } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Plan } from "../../contract/report.ts";
import type { DiskFacts, PartitionFacts } from "../platform/platform.ts";
import { sizeText } from "../report/words.ts";

const lostMost = 200;

export function makePlan(disk: DiskFacts): Plan {
  const cut = (text: string): string => text.slice(0, limits.reportTextCharacters);
  const lost = disk.partitions.slice(0, lostMost).map((partition) => cut(partitionText(partition)));
  return {
    device: cut(disk.path),
    sizeBytes: disk.sizeBytes,
    model: cut(disk.model),
    serial: cut(disk.serial),
    lost: lost.length > 0 ? lost : ["nothing found"],
  };
}

/** "/dev/sda2: 120 GB ntfs "Windows"" */
function partitionText({ fileSystem, label, name, sizeBytes }: PartitionFacts): string {
  const words = [sizeText(sizeBytes), fileSystem, label === "" ? "" : `"${label}"`];
  return `${name}: ${words.filter((word) => word !== "").join(" ")}`;
}

/** Several lines for a person. */
export function planText(plan: Plan, image: ImageFacts, deploymentName: string): string {
  const row = (name: string, value: string): string => `  ${name.padEnd(9)}${value}`;
  return [
    `The plan of deployment "${deploymentName}":`,
    row("disk", `${plan.device}, ${sizeText(plan.sizeBytes)} (${plan.sizeBytes} bytes)`),
    row("model", plan.model || "unknown"),
    row("serial", plan.serial || "unknown"),
    ...plan.lost.map((lost, index) => row(index === 0 ? "lost" : "", lost)),
    row("image", `${image.name}, ${sizeText(image.bytes)} (${image.root.slice(0, 16)}…)`),
  ].join("\n");
}

/** Where a person can be asked. */
export interface Asker {
  /** Whether anybody can answer. */
  readonly interactive: boolean;
  /** One line, without its end. Rejects when the signal given at making fires. */
  ask(question: string): Promise<string>;
}

/** Returns when the person typed the device's name or "yes"; throws E_PLAN_DECLINED for anything else. */
export async function confirmPlan(plan: Plan, asker: Asker): Promise<void> {
  if (!asker.interactive) {
    const way = "start the agent with --yes, or make the deployment unattended";
    throw new VolleyError(
      "E_PLAN_DECLINED",
      `Nobody can be asked whether to overwrite ${plan.device}: ${way}`,
    );
  }
  const answer = (await asker.ask(`Type ${plan.device} (or yes) to overwrite it: `)).trim();
  if (answer !== plan.device && answer.toLowerCase() !== "yes") {
    throw new VolleyError(
      "E_PLAN_DECLINED",
      `${plan.device} is left as it is: the plan was answered with "${answer}"`,
    );
  }
}
