/** Set Task Sequence Variable. */
import { codes } from "./codes.ts";
import { everywhere, flag, StepFailure, stepKind, succeeded } from "./step-kind.ts";

/** "Task sequence variables" of the documentation: a value "can't exceed 4,000 characters". */
const valueCharactersMost = 4000;

export const setVariable = stepKind({
  type: "SetVariable",
  title: "Set Task Sequence Variable",
  support: everywhere,
  check(step) {
    const of = (property: string): string =>
      step.variables.find((one) => one.property.toLowerCase() === property)?.value ?? "";
    const [name, value] = [of("variablename").trim(), of("variablevalue")];
    // What is made of other variables is known only when the step runs.
    return [
      ...(name.includes("%") ? [] : problemsOfName(name)),
      ...(value.length > valueCharactersMost && !value.includes("%")
        ? [`The value of ${name} has ${value.length} of ${valueCharactersMost} characters`]
        : []),
    ];
  },
  perform(context) {
    const name = context.property("VariableName").trim();
    const [problem] = problemsOfName(name);
    if (problem !== undefined) throw new StepFailure(codes.invalidSetting, problem);
    const hidden = flag(context.property("DoNotShowVariableValue"), false);
    const value = context.property("VariableValue");
    context.variables.set(name, value, { hidden });
    return Promise.resolve(succeeded(hidden ? `${name} is set; its value is hidden` : `${name} = ${value}`));
  },
});

/** "Task sequence variables" of the documentation: letters, digits, - and _, and no _ at the beginning. */
export function problemsOfName(name: string): string[] {
  if (!/^[A-Za-z0-9_-]{1,256}$/.test(name)) {
    return [`"${name}" is no name of a variable: letters, digits, "-" and "_" make one, at most 256 of them`];
  }
  if (/^[0-9-]/.test(name)) return [`"${name}" is no name of a variable, which begins with a letter`];
  return name.startsWith("_") ? [`"${name}" begins with "_", which is for read-only variables`] : [];
}
