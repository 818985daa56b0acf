/** Values of variables compared as the documentation of conditions says: as numbers when both are, else as text. */
import { codes } from "./codes.ts";
import { StepFailure } from "./step-kind.ts";

/** `value` is "" for a variable that does not exist. Text is compared without regard to case. */
export function compareValues(value: string, operator: string, wanted: string): boolean {
  switch (operator.toLowerCase()) {
    case "exists":
      return value !== "";
    case "notexists":
      return value === "";
    case "equals":
      return order(value, wanted) === 0;
    case "notequals":
      return order(value, wanted) !== 0;
    case "less":
    case "lessthan":
      return order(value, wanted) < 0;
    case "lessequal":
    case "lessorequal":
    case "lessthanorequal":
      return order(value, wanted) <= 0;
    case "greater":
    case "greaterthan":
      return order(value, wanted) > 0;
    case "greaterequal":
    case "greaterorequal":
    case "greaterthanorequal":
      return order(value, wanted) >= 0;
    case "like":
      return likePattern(wanted).test(value);
    default:
      throw new StepFailure(codes.invalidSetting, `"${operator}" is no operator of a condition`);
  }
}

function order(a: string, b: string): number {
  const isNumber = /^\s*[+-]?\d{1,15}\s*$/;
  if (isNumber.test(a) && isNumber.test(b)) return Math.sign(Number(a) - Number(b));
  const [left, right] = [a.toUpperCase(), b.toUpperCase()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** "%" and "*" stand for any characters, "_" and "?" for one. */
function likePattern(pattern: string): RegExp {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|%_]/g, (character) => {
    if (character === "*" || character === "%") return ".*";
    return character === "?" || character === "_" ? "." : `\\${character}`;
  });
  return new RegExp(`^${source}$`, "is");
}

/** Dotted versions, number by number; blank parts are 0, since the console writes ". ." for nothing. */
export function compareVersions(a: string, b: string): number {
  const left = versionParts(a);
  const right = versionParts(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function versionParts(text: string): number[] {
  return text.split(".").map((part) => Number.parseInt(part.trim(), 10) || 0);
}
