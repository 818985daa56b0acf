/** Coalesce Variables (MDT). Source: ZTICoalesce.wsf in the "Toolkit reference". */
import { codes } from "../codes.ts";
import { everywhere, StepFailure, stepKind, succeeded, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { argumentOrProperty } from "./script-arguments.ts";

/** The list that the reference makes of it. */
const usual = "PACKAGES";

/** "Finds all variables that match a pattern and builds a sequential list, without gaps", in the order of their numbers. */
export const coalesce = stepKind({
  type: "ZTICoalesce",
  title: "Coalesce Variables",
  support: everywhere,
  perform(context) {
    const { variables } = context;
    const target = argumentOrProperty(context, "CoalesceTarget") || usual;
    const pattern = readPattern(argumentOrProperty(context, "CoalescePattern") || usual);
    const text = argumentOrProperty(context, "CoalesceDigits");
    const digits = wholeNumber(text, "CoalesceDigits", { least: 1, most: 10, fallback: 3 });
    const items = numbered(context).filter(({ name }) => pattern.test(name));
    if (items.length === 0) {
      return Promise.resolve(succeeded(`No variable with a number matches ${pattern.source}`));
    }
    // What the list had behind its new end would stand in it twice.
    const old = numbered(context).filter(({ stem }) => stem.toLowerCase() === target.toLowerCase());
    for (const { name } of old) variables.set(name, "");
    for (const [index, { value }] of items.entries()) {
      variables.set(`${target}${String(index + 1).padStart(digits, "0")}`, value);
    }
    return Promise.resolve(succeeded(`${target} has ${items.length} items`));
  },
});

function readPattern(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    throw new StepFailure(codes.invalidSetting, `CoalescePattern is "${text}", which is no pattern`);
  }
}

/** Variables whose names end in a number, by that number; read-only ones are nobody's list. */
function numbered({ variables }: StepContext) {
  return variables
    .names()
    .flatMap((name) => {
      const [, stem, number] = /^([^_].*?)(\d+)$/.exec(name) ?? [];
      return stem === undefined ? [] : [{ name, stem, number: Number(number), value: variables.get(name) }];
    })
    .toSorted((a, b) => a.number - b.number || (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}
