/** Before a run in a PE touches anything: whether the steps that are still to come can do their work on this machine. */
import { VolleyError } from "../../contract/errors.ts";
import { conditionHolds, type ConditionWorld } from "../sequence/conditions/evaluate.ts";
import type { SequenceEnvironment } from "../sequence/environment.ts";
import type { Instruction, Program, StepInstruction } from "../sequence/instructions.ts";
import { findStepKind } from "../steps/catalogue.ts";
import type { StepServices } from "../steps/services.ts";

export interface Foreseeing {
  environment: SequenceEnvironment;
  services: StepServices;
  world: ConditionWorld;
  runsHere(step: StepInstruction): boolean;
}

/** Of the first step from `pointer` on that says so now, naming it; null when none does. */
export async function foreseeSteps(
  program: Program,
  pointer: number,
  by: Foreseeing,
): Promise<VolleyError | null> {
  for (const step of program.instructions.slice(pointer)) {
    if (step.kind !== "step") continue;
    const kind = findStepKind(step.node.type ?? "");
    if (kind?.foresee === undefined || !by.runsHere(step)) continue;
    if (!(await isToSucceed(step, program, by.world))) continue;
    const { services } = by;
    const variables = by.environment.forStep(step.node.variables);
    const property = (name: string): string => variables.property(name);
    const refusal = await kind.foresee({ property, services, variables });
    if (refusal !== null) {
      const text = `Step "${step.node.name}" cannot do its work: ${refusal.detail}`;
      return new VolleyError(refusal.code, text, { cause: refusal });
    }
  }
  return null;
}

/** It runs, by its conditions as they stand now, and the sequence fails when it does. */
async function isToSucceed(
  step: StepInstruction,
  { instructions }: Program,
  world: ConditionWorld,
): Promise<boolean> {
  for (let at: Instruction | undefined = step; at !== undefined; at = instructions[at.parent]) {
    const { condition, continueOnError, disabled } = at.node;
    if (disabled || continueOnError) return false;
    // What cannot be judged now may be by then.
    if (!(await conditionHolds(condition, world).catch(() => false))) return false;
  }
  return true;
}
