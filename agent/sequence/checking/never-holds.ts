/**
 * Conditions that can never hold, by themselves or together with those of the groups around: with what these asked on the
 * way in, as long as no step since then may have changed it.
 */
import type { Condition, SequenceNode, SequenceProblem } from "../tree.ts";
import { walkNodes } from "../walk.ts";
import { Changes } from "./changes.ts";
import {
  both,
  type Constraint,
  describe,
  either,
  isLeaf,
  leafConstraint,
  variableConstraint,
  variableKey,
} from "./constraints.ts";

/** What follows from a condition that holds; "never" when it cannot. */
type Summary = { never: null; constraints: Map<string, Constraint> } | { never: string };

const inWinPe = "_SMSTSInWinPE";

export function conditionsThatNeverHold(nodes: readonly SequenceNode[]): SequenceProblem[] {
  const problems: SequenceProblem[] = [];
  const changes = new Changes();
  const context = new Context(changes);
  /** Depth of the group that is never entered: what is in it is told once, with the group. */
  let deadDepth: number | null = null;
  let disabledGroups = 0;
  const marks: number[] = [];
  for (const { node, groups, leaving } of walkNodes(nodes)) {
    if (leaving) {
      context.restore(marks.pop() ?? 0);
      if (deadDepth === groups.length) deadDepth = null;
      if (node.disabled) disabledGroups -= 1;
      continue;
    }
    const mark = context.mark();
    if (node.kind === "group") {
      marks.push(mark);
      if (node.disabled) disabledGroups += 1;
    }
    if (deadDepth !== null) continue;
    const why = context.enter(node);
    if (why !== null) {
      const line = node.condition?.line ?? node.line;
      const what = `${node.kind === "group" ? "group" : "step"} "${node.name.slice(0, 80)}"`;
      const text =
        node.condition === null
          ? `The ${what} can never run: ${why}`
          : `The condition of the ${what} can never hold: ${why}`;
      problems.push({ line, severity: "warning", text });
      if (node.kind === "group") deadDepth = groups.length;
    }
    if (node.kind === "group") continue;
    context.restore(mark);
    if (why === null && !node.disabled && disabledGroups === 0) changes.pass(node);
  }
  return problems;
}

interface Known {
  constraint: Constraint;
  /** A moment of the changes. */
  since: number;
}

/** What holds where the walk is; what a group's condition added is taken back when the group is left. */
class Context {
  readonly #changes: Changes;
  readonly #known = new Map<string, Known>();
  readonly #additions: { key: string; before: Known | undefined }[] = [];

  constructor(changes: Changes) {
    this.#changes = changes;
  }

  mark(): number {
    return this.#additions.length;
  }

  restore(mark: number): void {
    while (this.#additions.length > mark) {
      const addition = this.#additions.pop();
      if (addition === undefined) return;
      if (addition.before === undefined) this.#known.delete(addition.key);
      else this.#known.set(addition.key, addition.before);
    }
  }

  /** Adds what follows from being at the node. A sentence's end when that cannot be, null otherwise. */
  enter(node: SequenceNode): string | null {
    if (node.condition !== null) {
      const summary = summarize(node.condition);
      if (summary.never !== null) return summary.never;
      for (const [key, constraint] of summary.constraints) {
        const before = this.#current(key);
        if (!this.#add(key, constraint)) {
          return contradiction(constraint, before, "a group around it asks that");
        }
      }
    }
    if (node.kind !== "step" || node.runIn === "WinPEandFullOS") return null;
    const value = node.runIn === "WinPE" ? "true" : "false";
    const constraint = variableConstraint(inWinPe, "equals", value);
    if (constraint === null || this.#add(variableKey(inWinPe), constraint)) return null;
    return `it runs in ${node.runIn} only, where ${inWinPe} is ${value}`;
  }

  #add(key: string, constraint: Constraint): boolean {
    const current = this.#current(key);
    const after = current === undefined ? constraint : both(current, constraint);
    if (after === null) return false;
    this.#additions.push({ key, before: this.#known.get(key) });
    this.#known.set(key, { constraint: after, since: this.#changes.now });
    return true;
  }

  #current(key: string): Constraint | undefined {
    const known = this.#known.get(key);
    return known !== undefined && known.since >= this.#changes.last(key) ? known.constraint : undefined;
  }
}

function contradiction(one: Constraint, other: Constraint | undefined, link: string): string {
  return other === undefined ? describe(one) : `${describe(one)}, and ${link} ${describe(other)}`;
}

interface Frame {
  conditions: readonly Condition[];
  next: number;
  combine: "and" | "or";
  isNegated: boolean;
  done: Summary[];
}

/** From the innermost outwards, on a list of its own: conditions nest as deeply as a file likes. */
function summarize(condition: Condition): Summary {
  const frames: Frame[] = [{ conditions: [condition], next: 0, combine: "and", isNegated: false, done: [] }];
  for (;;) {
    const frame = frames.at(-1);
    if (frame === undefined) return { never: null, constraints: new Map() };
    const next = frame.conditions[frame.next];
    frame.next += 1;
    if (next !== undefined) {
      const inner = innerFrame(next, frame.isNegated);
      if (inner === null) frame.done.push(leafSummary(next, frame.isNegated));
      else frames.push(inner);
      continue;
    }
    frames.pop();
    const summary = frame.combine === "and" ? allOf(frame.done) : oneOf(frame.done);
    const parent = frames.at(-1);
    if (parent === undefined) return summary;
    parent.done.push(summary);
  }
}

/** None of a "not"'s conditions holds, so that turning one round turns each in it round, and "and" into "or". */
function innerFrame(condition: Condition, isNegated: boolean): Frame | null {
  if (condition.kind !== "and" && condition.kind !== "or" && condition.kind !== "not") return null;
  const { conditions, kind } = condition;
  const combine = (kind === "or") === isNegated ? "and" : "or";
  return { conditions, next: 0, combine, isNegated: (kind === "not") !== isNegated, done: [] };
}

function leafSummary(condition: Condition, isNegated: boolean): Summary {
  const constraints = new Map<string, Constraint>();
  const found = isLeaf(condition) ? leafConstraint(condition, isNegated) : null;
  if (found !== null) constraints.set(found.key, found.constraint);
  return { never: null, constraints };
}

function allOf(summaries: readonly Summary[]): Summary {
  let all = new Map<string, Constraint>();
  for (const summary of summaries) {
    if (summary.never !== null) return summary;
    // The smaller is poured into the larger, so that a deep nest costs no more than its length.
    const [into, from] =
      summary.constraints.size > all.size ? [summary.constraints, all] : [all, summary.constraints];
    for (const [key, constraint] of from) {
      const before = into.get(key);
      const after = before === undefined ? constraint : both(before, constraint);
      if (after === null) {
        return { never: contradiction(before ?? constraint, constraint, "at the same time") };
      }
      into.set(key, after);
    }
    all = into;
  }
  return { never: null, constraints: all };
}

function oneOf(summaries: readonly Summary[]): Summary {
  let hull: Map<string, Constraint> | null = null;
  let never: string | null = null;
  for (const summary of summaries) {
    if (summary.never !== null) {
      never ??= summary.never;
      continue;
    }
    if (hull === null) {
      hull = summary.constraints;
      continue;
    }
    const common = new Map<string, Constraint>();
    const fewer = hull.size < summary.constraints.size ? hull : summary.constraints;
    for (const key of fewer.keys()) {
      const [one, other] = [hull.get(key), summary.constraints.get(key)];
      const joined = one === undefined || other === undefined ? null : either(one, other);
      if (joined !== null) common.set(key, joined);
    }
    hull = common;
  }
  if (hull !== null) return { never: null, constraints: hull };
  return never === null ? { never: null, constraints: new Map() } : { never };
}
