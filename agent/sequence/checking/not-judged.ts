/** Conditions that cannot be judged, or not everywhere: what has one fails when it is reached, and this says so before. */
import { toVolleyError } from "../../../contract/errors.ts";
import { compareVersions, orderHolds, parseTime } from "../conditions/compare.ts";
import { checkCodes, normaliseKey } from "../conditions/registry.ts";
import { checkQuery } from "../conditions/wql.ts";
import type { Comparison, Condition, SequenceNode } from "../tree.ts";
import { walkConditions, walkNodes } from "../walk.ts";

/** Of a query the strings are left out: in a LIKE % stands for any characters. */
const strings = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
const reference = /%[A-Za-z_][\w()-]*%/;

export function conditionsNotJudged(nodes: readonly SequenceNode[]): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  for (const { node, leaving } of walkNodes(nodes)) {
    if (leaving) continue;
    for (const condition of walkConditions(node.condition)) {
      const why = whyNot(condition);
      if (why === null) continue;
      const what = `The condition of the ${node.kind === "group" ? "group" : "step"} "${node.name.slice(0, 80)}"`;
      const how =
        condition.kind === "wmi"
          ? "is judged by a Windows that has WMI and PowerShell alone, and fails elsewhere"
          : "cannot be judged, so that it fails";
      found.push({ line: condition.line, text: `${what} ${how}: ${why}` });
    }
  }
  return found;
}

/** A type that is not known is the reader's to report, and so is an operator. */
function whyNot(condition: Condition): string | null {
  try {
    switch (condition.kind) {
      case "wmi":
        if (!reference.test(condition.query.replaceAll(strings, "''"))) {
          checkQuery(condition.namespace, condition.query);
        }
        return null;
      case "file":
        checkTime(condition.dateTime);
        if (condition.version !== null && !reference.test(condition.version.value)) {
          orderHolds(condition.version.operator, compareVersions(condition.version.value, "0"));
        }
        return null;
      case "folder":
        checkTime(condition.dateTime);
        return null;
      case "registry":
        // A root that is a variable's value is known when it runs; of the rest of the path nothing can be wrong.
        if (!reference.test(condition.keyPath.split(/[\\/]/, 1)[0] ?? "")) normaliseKey(condition.keyPath);
        return null;
      case "software":
        checkCodes(condition);
        return null;
      default:
        return null;
    }
  } catch (error) {
    const failure = toVolleyError(error);
    if (failure.code !== "E_CONDITION") throw failure;
    return failure.detail;
  }
}

function checkTime(comparison: Comparison | null): void {
  if (comparison === null) return;
  orderHolds(comparison.operator, parseTime(comparison.value));
}
