/** What a sequence would do, with its conditions as they stand now. Nothing is run and nothing is changed. */
import { toVolleyError } from "../../contract/errors.ts";
import { conditionHolds, type ConditionWorld } from "./conditions/evaluate.ts";
import type { Instruction, Program, StepInstruction } from "./instructions.ts";

export interface PlannedInstruction {
  pointer: number;
  kind: "group" | "step";
  depth: number;
  name: string;
  /** As the file writes it; empty for groups. */
  type: string;
  line: number;
  /** "n of m" of the steps that count; null for what does not. */
  number: number | null;
  /** Why it would not run now, or null: "disabled", "its condition does not hold", … */
  skipped: string | null;
  /** What would make it fail at once, or null. */
  problem: string | null;
}

export interface PlanOptions {
  world: ConditionWorld;
  runsHere(step: StepInstruction): boolean;
  /** A sentence for a step that this build or system cannot do; null for others. */
  unsupported(step: StepInstruction): string | null;
}

export async function planSequence(program: Program, options: PlanOptions): Promise<PlannedInstruction[]> {
  const planned: PlannedInstruction[] = [];
  for (const instruction of program.instructions) {
    const above = planned[instruction.parent];
    const { kind, node, pointer } = instruction;
    const plan: PlannedInstruction = {
      pointer,
      kind,
      depth: above === undefined ? 0 : above.depth + 1,
      name: node.name,
      type: kind === "step" ? node.writtenType : "",
      line: node.line,
      number: kind === "step" && instruction.number > 0 ? instruction.number : null,
      skipped: null,
      problem: null,
    };
    planned.push(plan);
    if (above !== undefined && above.skipped !== null) plan.skipped = "its group is skipped";
    else await judge(instruction, plan, options);
  }
  return planned;
}

async function judge(
  instruction: Instruction,
  plan: PlannedInstruction,
  options: PlanOptions,
): Promise<void> {
  const { kind, node } = instruction;
  if (node.disabled) {
    plan.skipped = "disabled";
    return;
  }
  try {
    if (!(await conditionHolds(node.condition, options.world))) {
      plan.skipped = "its condition does not hold";
      return;
    }
  } catch (error) {
    plan.problem = `Its condition cannot be judged: ${toVolleyError(error).detail}`;
    return;
  }
  if (kind !== "step") return;
  if (!options.runsHere(instruction)) plan.skipped = `it is for ${node.runIn}`;
  else plan.problem = options.unsupported(instruction);
}

/** Lines for people; the whole of a deep nest stays readable. */
export function planLines(program: Program, planned: readonly PlannedInstruction[]): string[] {
  const width = String(program.instructions.length).length;
  return planned.map((plan) => {
    const indent = "  ".repeat(Math.min(plan.depth, 20));
    const what = plan.kind === "group" ? `[${plan.name}]` : plan.name;
    const count = plan.number === null ? "" : ` (${plan.number} of ${program.steps})`;
    const type = plan.type === "" ? "" : `  ${plan.type.replace(/^SMS_TaskSequence_/, "")}`;
    const end = plan.problem ?? (plan.skipped === null ? "" : `skipped: ${plan.skipped}`);
    return `${String(plan.pointer).padStart(width)}  ${indent}${what}${count}${type}${end === "" ? "" : `  - ${end}`}`;
  });
}
