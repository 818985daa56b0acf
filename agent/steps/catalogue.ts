/** Every kind of step there is, by its type. */
import { applyDataImage } from "./apply-data-image.ts";
import { applyDriverPackage } from "./apply-driver-package.ts";
import { applyNetworkSettings } from "./apply-network-settings.ts";
import { applyOperatingSystemImage } from "./apply-operating-system-image.ts";
import { applyWindowsSettings } from "./apply-windows-settings.ts";
import { autoApplyDrivers } from "./auto-apply-drivers.ts";
import { checkReadiness } from "./check-readiness.ts";
import { formatAndPartitionDisk } from "./format-and-partition-disk.ts";
import { restartComputer } from "./restart-computer.ts";
import { runCommandLine } from "./run-command-line.ts";
import { runPowerShellScript } from "./run-powershell-script.ts";
import { setDynamicVariables } from "./set-dynamic-variables.ts";
import { setVariable } from "./set-variable.ts";
import type { StepKind } from "./step.ts";

export const stepKinds: readonly StepKind[] = [
  runCommandLine,
  runPowerShellScript,
  setVariable,
  setDynamicVariables,
  restartComputer,
  checkReadiness,
  formatAndPartitionDisk,
  applyOperatingSystemImage,
  applyDataImage,
  applyWindowsSettings,
  applyNetworkSettings,
  applyDriverPackage,
  autoApplyDrivers,
];

const byType = new Map(stepKinds.map((kind) => [kind.type.toLowerCase(), kind]));

/** Types are compared without regard to case. */
export function findStepKind(type: string): StepKind | null {
  return byType.get(type.toLowerCase()) ?? null;
}
