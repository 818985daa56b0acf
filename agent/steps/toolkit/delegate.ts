/** Steps of the toolkit that are another step under another name. */
import type { StepContext, StepKind, StepOutcome } from "../step.ts";

/** `properties` count over the step's own. */
export function delegate(
  context: StepContext,
  kind: StepKind,
  properties: Readonly<Record<string, string>> = {},
): Promise<StepOutcome> {
  const given = new Map(Object.entries(properties).map(([name, value]) => [name.toLowerCase(), value]));
  return kind.perform({
    ...context,
    property: (name) => given.get(name.toLowerCase()) ?? context.property(name),
  });
}

/** MDT's properties are variables as well, whichever of both is set. */
export function toolkitValue(context: Pick<StepContext, "property" | "variables">, name: string): string {
  return context.property(name) || context.variables.get(name);
}
