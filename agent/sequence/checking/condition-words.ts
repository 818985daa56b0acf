/** A condition as people read it. Without recursion: a file may nest as deep as it likes. */
import type { Comparison, Condition } from "../tree.ts";

/** What is longer ends in an ellipsis. */
const charactersMost = 1000;

type Group = Extract<Condition, { conditions: Condition[] }>;
type Leaf = Exclude<Condition, Group>;

/** Empty for none, which always holds. */
export function conditionWords(root: Condition | null): string {
  let words = "";
  const waiting: (string | { condition: Condition; isInner: boolean })[] =
    root === null ? [] : [{ condition: root, isInner: false }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (words.length > charactersMost) return `${words.slice(0, charactersMost)}…`;
    if (typeof next === "string") words += next;
    else if (!("conditions" in next.condition)) words += leafWords(next.condition);
    else {
      for (const piece of piecesOf(next.condition, next.isInner).toReversed()) waiting.push(piece);
    }
  }
  return words;
}

function piecesOf(
  { conditions, kind }: Group,
  isInner: boolean,
): (string | { condition: Condition; isInner: boolean })[] {
  // An operator without conditions holds, but for "or".
  if (conditions.length === 0) return [kind === "or" ? "never" : "always"];
  const [only] = conditions;
  if (kind !== "not" && conditions.length === 1 && only !== undefined) return [{ condition: only, isInner }];
  const between = kind === "and" ? " and " : " or ";
  const joined = conditions.flatMap((condition, index) => [
    ...(index === 0 ? [] : [between]),
    { condition, isInner: true },
  ]);
  if (kind === "not") return ["not (", ...joined, ")"];
  return isInner ? ["(", ...joined, ")"] : joined;
}

const operators: Record<string, string> = {
  "": "is",
  equals: "is",
  notequals: "is not",
  less: "is less than",
  lessequal: "is at most",
  greater: "is greater than",
  greaterequal: "is at least",
  like: "is like",
  notlike: "is not like",
};

/** An operator that this build does not know stays as it was written. */
function comparison(operator: string, value: string): string {
  return `${operators[operator.toLowerCase()] ?? operator} "${value}"`;
}

function leafWords(condition: Leaf): string {
  switch (condition.kind) {
    case "variable": {
      const { operator, value, variable } = condition;
      return existence(operator, `${variable} is`, "set") ?? `${variable} ${comparison(operator, value)}`;
    }
    case "file":
      return `the file ${condition.path} exists${aspect("version", condition.version)}${aspect("date", condition.dateTime)}`;
    case "folder":
      return `the folder ${condition.path} exists${aspect("date", condition.dateTime)}`;
    case "registry": {
      const { data, keyPath, operator, value } = condition;
      const what = value === "" ? `the registry's ${keyPath}` : `the registry's ${keyPath}\\${value}`;
      return existence(operator, `${what} is`, "there") ?? `${what} ${comparison(operator, data)}`;
    }
    case "wmi":
      return `WMI (${condition.namespace}) answers something to: ${condition.query}`;
    case "software": {
      const { operator, productCode, productName, version } = condition;
      const which = operator.toLowerCase() === "anyversion" ? "in any version" : `in version ${version}`;
      return `${productName || productCode} is installed ${which}`;
    }
    case "unknown":
      return `a condition of the type ${condition.type}, which nobody knows`;
  }
}

/** Null where the operator asks for something else. */
function existence(operator: string, what: string, word: string): string | null {
  switch (operator.toLowerCase()) {
    case "exists":
      return `${what} ${word}`;
    case "notexists":
    case "nonexists":
      return `${what} not ${word}`;
    default:
      return null;
  }
}

function aspect(what: string, wanted: Comparison | null): string {
  return wanted === null ? "" : ` and its ${what} ${comparison(wanted.operator, wanted.value)}`;
}
