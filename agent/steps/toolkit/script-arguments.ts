/** What a step that is a script of the toolkit was given on its command line. */
import { splitWords } from "../command-words.ts";
import type { StepContext } from "../step.ts";

/** "/CEIP:YES" as its value, "/BDE" as ""; null where the argument is not given. Names are compared in any case. */
export function scriptArgument({ step, variables }: StepContext, name: string): string | null {
  for (const word of splitWords(variables.expand(step.action))) {
    const [, given = "", value = ""] = /^\/([^:]+):?(.*)$/s.exec(word) ?? [];
    if (given.toLowerCase() === name.toLowerCase()) return value;
  }
  return null;
}

/** The argument, else the property of that name. */
export function argumentOrProperty(context: StepContext, name: string): string {
  return (scriptArgument(context, name) ?? "") || context.variables.get(name);
}
