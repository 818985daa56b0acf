/**
 * What has to be so for a condition to hold: for each variable the values it may have, and for anything else that is
 * asked whether the answer is yes. Never more than what really follows, so that what contradicts itself is sure to.
 */
import type { Condition } from "../tree.ts";

export interface Constraint {
  /** As a person reads it: a variable's name, or what is asked. */
  subject: string;
  /** Comparable value to value as written; null for any. */
  allowed: ReadonlyMap<string, string> | null;
  excluded: ReadonlyMap<string, string>;
  /** Numbers, with whether they belong to the range. */
  low: Bound | null;
  high: Bound | null;
  /** Of a variable: whether it exists. Of anything else: the answer. Null when either will do. */
  exists: boolean | null;
}

interface Bound {
  value: number;
  inclusive: boolean;
}

type Leaf = Exclude<Condition, { kind: "and" | "or" | "not" | "unknown" }>;

/** Beyond so many, values are as good as any: a list of them would cost more than it says. */
const valuesMost = 200;

const free = { allowed: null, excluded: new Map<string, string>(), low: null, high: null, exists: null };
const negated: Readonly<Record<string, string>> = {
  equals: "notEquals",
  exists: "notExists",
  notExists: "exists",
};

/** A question that can be answered, which an operator and what is not known are not. */
export function isLeaf(condition: Condition): condition is Leaf {
  return !["and", "or", "not", "unknown"].includes(condition.kind);
}

/** The constraint of one question, with its key; null when nothing follows. */
export function leafConstraint(
  leaf: Leaf,
  isNegated: boolean,
): { key: string; constraint: Constraint } | null {
  if (leaf.kind === "variable") {
    const operator = isNegated ? negated[leaf.operator] : leaf.operator;
    const constraint =
      operator === undefined ? null : variableConstraint(leaf.variable, operator, leaf.value);
    return constraint === null ? null : { key: variableKey(leaf.variable), constraint };
  }
  const key = JSON.stringify({ ...leaf, line: 0 });
  return { key, constraint: { subject: describeQuestion(leaf), ...free, exists: !isNegated } };
}

export function variableKey(name: string): string {
  return `variable ${name.trim().toLowerCase()}`;
}

export function variableConstraint(subject: string, operator: string, value: string): Constraint | null {
  if (operator === "exists") return { subject, ...free, exists: true };
  if (operator === "notExists") return { subject, ...free, exists: false };
  // What is replaced when it runs, and what a missing variable may equal, tells nothing.
  if (value === "" || value.includes("%")) return null;
  const values = new Map([[comparable(value), value]]);
  if (operator === "equals") return { subject, ...free, allowed: values, exists: true };
  if (operator === "notEquals") return { subject, ...free, excluded: values };
  const number = numberOf(value);
  if (number === null) return null;
  const bound = { value: number, inclusive: operator.endsWith("Equal") };
  if (operator.startsWith("less")) return { subject, ...free, high: bound, exists: true };
  if (operator.startsWith("greater")) return { subject, ...free, low: bound, exists: true };
  return null;
}

/** Both have to be so. Null when that cannot be. */
export function both(one: Constraint, other: Constraint): Constraint | null {
  const exists = one.exists ?? other.exists;
  if (one.exists !== null && other.exists !== null && one.exists !== other.exists) return null;
  const low = tighter(one.low, other.low, 1);
  const high = tighter(one.high, other.high, -1);
  if (low !== null && high !== null) {
    const isEmpty =
      low.value > high.value || (low.value === high.value && !(low.inclusive && high.inclusive));
    if (isEmpty) return null;
  }
  const excluded = union(one.excluded, other.excluded) ?? one.excluded;
  let allowed = one.allowed ?? other.allowed;
  if (allowed !== null) {
    const filtered = [...allowed].filter(
      ([key]) =>
        !excluded.has(key) &&
        other.allowed?.has(key) !== false &&
        isInside(key, low, 1) &&
        isInside(key, high, -1),
    );
    if (filtered.length === 0) return null;
    allowed = new Map(filtered);
  }
  return { subject: one.subject, allowed, excluded, low, high, exists };
}

/** One of them is so; null when nothing follows from that. */
export function either(one: Constraint, other: Constraint): Constraint | null {
  const allowed = one.allowed === null || other.allowed === null ? null : union(one.allowed, other.allowed);
  const excluded = new Map([...one.excluded].filter(([key]) => other.excluded.has(key)));
  const low = one.low === null || other.low === null ? null : looser(one.low, other.low, 1);
  const high = one.high === null || other.high === null ? null : looser(one.high, other.high, -1);
  const exists = one.exists === other.exists ? one.exists : null;
  const isFree = allowed === null && excluded.size === 0 && low === null && high === null && exists === null;
  return isFree ? null : { subject: one.subject, allowed, excluded, low, high, exists };
}

/** `Make equals "HP" or "Dell"`, as part of a sentence. */
export function describe({ allowed, excluded, exists, high, low, subject }: Constraint): string {
  const list = (values: ReadonlyMap<string, string>): string =>
    [...values.values()]
      .slice(0, 5)
      .map((value) => `"${value.slice(0, 60)}"`)
      .join(" or ");
  if (allowed !== null) return `${subject} equals ${list(allowed)}`;
  if (low !== null && high !== null) return `${subject} is from ${low.value} to ${high.value}`;
  if (low !== null) return `${subject} is ${low.inclusive ? "at least" : "greater than"} ${low.value}`;
  if (high !== null) return `${subject} is ${high.inclusive ? "at most" : "less than"} ${high.value}`;
  if (excluded.size > 0) return `${subject} does not equal ${list(excluded)}`;
  return exists === false ? `${subject} does not exist or hold` : `${subject} exists or holds`;
}

/** Null when there would be too many. */
function union(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | null {
  return one.size + other.size > valuesMost ? null : new Map([...one, ...other]);
}

/** Values are compared without regard to case, and as numbers when they are. */
function comparable(value: string): string {
  const number = numberOf(value);
  return number === null ? value.toLowerCase() : `${number}`;
}

function numberOf(value: string): number | null {
  return /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : null;
}

function isInside(key: string, bound: Bound | null, direction: 1 | -1): boolean {
  const number = numberOf(key);
  if (bound === null || number === null) return true;
  const distance = (number - bound.value) * direction;
  return distance > 0 || (distance === 0 && bound.inclusive);
}

function tighter(one: Bound | null, other: Bound | null, direction: 1 | -1): Bound | null {
  if (one === null || other === null) return one ?? other;
  return one === looser(one, other, direction) ? other : one;
}

function looser(one: Bound, other: Bound, direction: 1 | -1): Bound {
  const distance = (one.value - other.value) * direction;
  if (distance !== 0) return distance < 0 ? one : other;
  return one.inclusive ? one : other;
}

function describeQuestion(leaf: Exclude<Leaf, { kind: "variable" }>): string {
  const [kind, what] = ((): [string, string] => {
    switch (leaf.kind) {
      case "file":
      case "folder":
        return [`the ${leaf.kind}`, leaf.path];
      case "registry":
        return ["the registry value", `${leaf.keyPath}\\${leaf.value}`];
      case "wmi":
        return ["the query", leaf.query];
      case "software":
        return ["the software", leaf.productName || leaf.productCode];
    }
  })();
  return `${kind} "${what.slice(0, 60)}"`;
}
