/** Ways through a sequence that need no stack however deep it is nested. */
import type { Condition, SequenceGroup, SequenceNode } from "./tree.ts";

/** A node met on the way, in the order of the file. A group is met twice: before what is in it, and after. */
export interface Visit {
  node: SequenceNode;
  /** True when a group is left. */
  leaving: boolean;
  /** The groups around the node, outermost first. The same list for every visit: copy it to keep it. */
  groups: readonly SequenceGroup[];
}

export function* walkNodes(nodes: readonly SequenceNode[]): Generator<Visit> {
  const groups: SequenceGroup[] = [];
  const levels: { nodes: readonly SequenceNode[]; next: number }[] = [{ nodes, next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const node = level.nodes[level.next];
    level.next += 1;
    if (node === undefined) {
      levels.pop();
      const left = groups.pop();
      if (left !== undefined) yield { node: left, leaving: true, groups };
      continue;
    }
    yield { node, leaving: false, groups };
    if (node.kind === "group") {
      groups.push(node);
      levels.push({ nodes: node.nodes, next: 0 });
    }
  }
}

/** Every condition in a condition, itself first. */
export function* walkConditions(condition: Condition | null): Generator<Condition> {
  const waiting = condition === null ? [] : [condition];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next;
    if (next.kind !== "and" && next.kind !== "or" && next.kind !== "not") continue;
    for (const inner of next.conditions.toReversed()) waiting.push(inner);
  }
}
