/** Judges a condition as the world stands now. Nothing is changed by it. */
import { VolleyError } from "../../../contract/errors.ts";
import type { Condition } from "../tree.ts";
import { compareValues, orderHolds } from "./compare.ts";
import { fileHolds, type FileLook } from "./files.ts";
import { registryHolds, softwareHolds, type RegistryReader } from "./registry.ts";
import { isLike } from "./wildcards.ts";
import { queryHolds, type WmiSource } from "./wql.ts";

/** What conditions look at; handed in by the composition root. */
export interface ConditionWorld {
  variables: {
    get(name: string): string;
    expand(text: string): string;
    /** Without the process's environment: a pattern such as `%PATH%` is to stay one. */
    expandVariables(text: string): string;
  };
  files: FileLook;
  registry: RegistryReader;
  wmi: WmiSource;
  /** Lets go of what was opened for a condition, when it has been judged. */
  release?(): Promise<void>;
}

interface Open {
  kind: "and" | "or" | "not";
  conditions: readonly Condition[];
  next: number;
}

/**
 * Null, the condition of most steps, holds. An `and` without conditions holds, an `or` without them does not. Rejects
 * with E_CONDITION for what cannot be judged. Without recursion: a file may nest as deep as it likes.
 */
export async function conditionHolds(root: Condition | null, world: ConditionWorld): Promise<boolean> {
  if (root === null) return true;
  try {
    return await holds(root, world);
  } finally {
    await world.release?.();
  }
}

async function holds(root: Condition, world: ConditionWorld): Promise<boolean> {
  const open: Open[] = [];
  let current: Condition = root;
  for (;;) {
    let result: boolean;
    if (isGroup(current)) {
      open.push({ kind: current.kind, conditions: current.conditions, next: 0 });
      // As long as nothing has decided it an `and` and a `not` hold, and an `or` does not.
      result = current.kind !== "or";
    } else {
      result = await judge(current, world);
      const above = open.at(-1);
      if (above !== undefined) result = settled(above, result);
    }
    for (;;) {
      const group = open.at(-1);
      if (group === undefined) return result;
      const decided = result !== (group.kind !== "or");
      const next = decided ? undefined : group.conditions[group.next];
      if (next !== undefined) {
        group.next += 1;
        current = next;
        break;
      }
      open.pop();
      const above = open.at(-1);
      if (above === undefined) return result;
      result = settled(above, result);
    }
  }
}

/** What the group stands at after one of its conditions gave `result`. */
function settled(group: Open, result: boolean): boolean {
  return group.kind === "not" ? !result : result;
}

type Group = Extract<Condition, { conditions: Condition[] }>;
type Leaf = Exclude<Condition, Group>;

function isGroup(condition: Condition): condition is Group {
  return "conditions" in condition;
}

async function judge(condition: Leaf, world: ConditionWorld): Promise<boolean> {
  const expand = (text: string): string => world.variables.expand(text);
  switch (condition.kind) {
    case "variable":
      return variableHolds(condition, world);
    case "file":
    case "folder":
      return fileHolds(condition, world.files, expand);
    case "registry":
      return registryHolds(condition, world.registry, expand);
    case "software":
      return softwareHolds(condition, world.registry);
    case "wmi": {
      const query = world.variables.expandVariables(condition.query);
      return queryHolds(world.wmi, expand(condition.namespace), query);
    }
    case "unknown":
      throw new VolleyError("E_CONDITION", `Nobody knows what a condition of type ${condition.type} means`);
  }
}

/** A variable that is not there counts as an empty text, as Configuration Manager has it. */
function variableHolds(
  { operator, value, variable }: Extract<Condition, { kind: "variable" }>,
  { variables }: ConditionWorld,
): boolean {
  const actual = variables.get(variable);
  const wanted = variables.expandVariables(value);
  switch (operator.toLowerCase()) {
    case "exists":
      return actual !== "";
    case "notexists":
    case "nonexists":
      return actual === "";
    case "like":
      return isLike(actual, wanted);
    case "notlike":
      return !isLike(actual, wanted);
    default:
      return orderHolds(operator, compareValues(actual, wanted));
  }
}
