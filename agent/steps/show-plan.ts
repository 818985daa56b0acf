/** What a step will take away, shown and confirmed before it does. */
import { service } from "./step-kind.ts";
import type { StepContext } from "./step.ts";

/** Where there is no way to show it, the step fails and nothing is written. */
export async function showPlan(context: StepContext, lines: readonly string[]): Promise<void> {
  const plans = service(context, "plans", "way to show what will be lost");
  // For the log alone: what asks has it on the screen.
  for (const line of lines) context.log.detail(line);
  await plans.show(lines);
}
