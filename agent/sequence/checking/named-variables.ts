/** Variables that a step sets because one of its properties names them. */
import type { StepVariable } from "../tree.ts";

/** Properties whose value is the name of a variable that the step sets. */
const namesOne = /^(VariableName|OutputVariableName|Partitions\d+VolumeLetterVariable)$/i;
/** And of which it sets several, numbered. */
const namesSeveral = /^(DestinationVariable)$/i;
const ruleSet = /<Variable\s[^<>]{0,400}?\bName="([^"<>]{1,256})"/g;

/** As written; what Set Dynamic Variables may set is in its rules. */
export function* namesSetBy({
  property,
  value,
}: Pick<StepVariable, "property" | "value">): Generator<string> {
  if (namesOne.test(property) && value.trim() !== "") yield value.trim();
  if (/^Rules$/i.test(property)) for (const [, name = ""] of value.matchAll(ruleSet)) yield name;
}

/** What stands before the numbers; null when the property names no list. */
export function listSetBy({ property, value }: Pick<StepVariable, "property" | "value">): string | null {
  return namesSeveral.test(property) && value.trim() !== "" ? value.trim() : null;
}
