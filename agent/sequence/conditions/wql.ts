/**
 * WQL, as far as conditions of task sequences use it: SELECT * or properties FROM a class WHERE comparisons joined by
 * AND, OR, NOT and parentheses; = <> != < > <= >= LIKE, IS [NOT] NULL; in any case ("Querying with WQL", Microsoft).
 * Everything else is an error that says so: a condition nobody can judge is not false.
 */
import { toVolleyError, VolleyError } from "../../../contract/errors.ts";
import { parseWql, type Operand, type WqlExpression } from "./wql-parser.ts";
import { isWqlLike } from "./wildcards.ts";
import { classOf, type WmiClass } from "./wmi-classes.ts";

export type WmiValue = string | number | boolean | null | readonly (string | number)[];
/** One instance. Null: nothing is there. A property that is not in it was not looked for, and nobody knows. */
export type WmiRow = Readonly<Record<string, WmiValue>>;

/** What there is of WMI on this machine: real, or a table of facts. */
export interface WmiSource {
  /** All instances of a class that wmi-classes.ts knows, named as there; null of a class that is not looked for. */
  rows(className: string): Promise<readonly WmiRow[] | null>;
  /** Whether the real WMI finds something by a query; null where there is none that could say. */
  ask?(namespace: string, query: string): Promise<boolean | null>;
}

/**
 * Rejects with E_CONDITION for a query, namespace, class or property that is not known, and where the answer hangs on one
 * that is not looked for here.
 */
export async function queryRows(source: WmiSource, namespace: string, text: string): Promise<WmiRow[]> {
  const { expression, found } = checkQuery(namespace, text);
  const rows = await source.rows(found.name);
  if (rows === null) throw notLookedFor(`The class ${found.name}`);
  if (expression === null) return [...rows];
  const answers = rows.map((row) => ({ row, answer: holds(expression, found, row) }));
  const matches = answers.filter(({ answer }) => answer === true).map(({ row }) => row);
  const unknown = answers.map(({ answer }) => answer).find(isUnknown);
  if (matches.length === 0 && unknown !== undefined) {
    throw notLookedFor(`The property ${unknown.property} of ${found.name}`);
  }
  return matches;
}

function notLookedFor(what: string): VolleyError {
  return new VolleyError("E_CONDITION", `${what} is not among the facts of this machine`);
}

/** By the table of facts, and by the real WMI what is beyond that. Rejects as queryRows where there is none. */
export async function queryHolds(source: WmiSource, namespace: string, text: string): Promise<boolean> {
  try {
    return (await queryRows(source, namespace, text)).length > 0;
  } catch (error) {
    const failure = toVolleyError(error);
    const answer = failure.code === "E_CONDITION" ? await source.ask?.(namespace, text) : null;
    if (typeof answer !== "boolean") throw failure;
    return answer;
  }
}

/** Throws E_CONDITION as queryRows rejects; nothing is asked of the machine. */
export function checkQuery(
  namespace: string,
  text: string,
): { found: WmiClass; expression: WqlExpression | null } {
  const { className, properties, where: expression } = parseWql(text);
  const found = classOf(namespace, className);
  for (const property of properties) checkProperty(found, property);
  if (expression !== null) checkProperties(found, expression);
  return { found, expression };
}

function checkProperties(found: WmiClass, expression: WqlExpression): void {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const part of expression.parts) checkProperties(found, part);
      return;
    case "not":
      checkProperties(found, expression.part);
      return;
    case "null":
      checkProperty(found, expression.property);
      return;
    case "compare":
      for (const side of [expression.left, expression.right]) {
        if (side.kind === "property") checkProperty(found, side.name);
      }
  }
}

function checkProperty(found: WmiClass, property: string): void {
  if (!found.properties.has(property.toLowerCase())) {
    throw new VolleyError("E_CONDITION", `The class ${found.name} has no property "${property}"`);
  }
}

/** Hangs on a property that is not looked for. */
interface Unknown {
  property: string;
}

/** Null is neither: what is compared with nothing is not known, and neither is its contrary. */
type Answer = boolean | null | Unknown;

function isUnknown(answer: WmiValue | Unknown): answer is Unknown {
  return typeof answer === "object" && answer !== null && "property" in answer;
}

function holds(expression: WqlExpression, found: WmiClass, row: WmiRow): Answer {
  switch (expression.kind) {
    case "and":
    case "or": {
      const answers = expression.parts.map((part) => holds(part, found, row));
      const decisive = expression.kind === "or";
      if (answers.includes(decisive)) return decisive;
      return answers.find(isUnknown) ?? (answers.includes(null) ? null : !decisive);
    }
    case "not": {
      const answer = holds(expression.part, found, row);
      return typeof answer === "boolean" ? !answer : answer;
    }
    case "null": {
      const value = valueOf(found, row, expression.property);
      return isUnknown(value) ? value : (value === null) === expression.isNull;
    }
    case "compare": {
      const left = sideOf(expression.left, found, row);
      const right = sideOf(expression.right, found, row);
      if (isUnknown(left)) return left;
      if (isUnknown(right)) return right;
      if (left === null || right === null) return null;
      return compareAny(expression.operator, left, right);
    }
  }
}

function sideOf(side: Operand, found: WmiClass, row: WmiRow): WmiValue | Unknown {
  return side.kind === "property" ? valueOf(found, row, side.name) : side.value;
}

function valueOf(found: WmiClass, row: WmiRow, name: string): WmiValue | Unknown {
  const property = found.properties.get(name.toLowerCase()) ?? name;
  return row[property] ?? (property in row ? null : { property });
}

/** A property of several values compares as any of them, which is what a condition on ChassisTypes means. */
function compareAny(
  operator: string,
  left: Exclude<WmiValue, null>,
  right: Exclude<WmiValue, null>,
): boolean {
  const several = (value: Exclude<WmiValue, null>): readonly (string | number | boolean)[] =>
    typeof value === "object" ? value : [value];
  const pairs = several(left).flatMap((a) => several(right).map((b) => compare(operator, a, b)));
  return operator === "<>" ? pairs.every(Boolean) : pairs.some(Boolean);
}

type Scalar = string | number | boolean;

function compare(operator: string, left: Scalar, right: Scalar): boolean {
  if (operator === "like") return isWqlLike(String(left), String(right));
  const order = orderOf(left, right);
  switch (operator) {
    case "=":
      return order === 0;
    case "<>":
      return order !== 0;
    case "<":
      return order < 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    default:
      return order >= 0;
  }
}

/** A number in quotes is one where it is compared with a number; TRUE and FALSE are 1 and 0, too. */
function orderOf(left: Scalar, right: Scalar): number {
  const numeric = (value: Scalar): number =>
    typeof value === "string"
      ? /^(true|false)$/i.test(value)
        ? Number(/^true$/i.test(value))
        : value.trim() === ""
          ? Number.NaN
          : Number(value)
      : Number(value);
  if (typeof left !== "string" || typeof right !== "string") {
    const [a, b] = [numeric(left), numeric(right)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  }
  const [a, b] = [String(left).toLowerCase(), String(right).toLowerCase()];
  return a === b ? 0 : a < b ? -1 : 1;
}
