/** Every kind of step there is, by its type. */
import { checkReadiness } from "./check-readiness.ts";
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
];

const byType = new Map(stepKinds.map((kind) => [kind.type.toLowerCase(), kind]));

/** Types are compared without regard to case. */
export function findStepKind(type: string): StepKind | null {
  return byType.get(type.toLowerCase()) ?? null;
}
