/**
 * A sequence as a flat table, in the order in which it is gone through: what the pointer of a run points into. Child
 * sequences stand in it as groups ("Run Task Sequence": one environment, one policy). Without recursion, so that ten
 * thousand nested groups are no matter.
 */
import { createHash } from "node:crypto";
import { VolleyError } from "../../contract/errors.ts";
import { sequenceLimits } from "./limits.ts";
import type { ChildSequence, Sequence, SequenceGroup, SequenceNode, SequenceStep } from "./tree.ts";

interface InstructionFacts {
  pointer: number;
  /** Pointer of the group it is in, -1 at the top. */
  parent: number;
  /** Pointer behind it and all that is in it. */
  end: number;
}
export type StepInstruction = InstructionFacts & {
  kind: "step";
  node: SequenceStep;
  /** Which of the steps that count it is, from 1; 0 when it or a group around it is disabled. */
  number: number;
};
export type GroupInstruction = InstructionFacts & { kind: "group"; node: SequenceGroup | ChildSequence };
export type Instruction = StepInstruction | GroupInstruction;

export interface Program {
  name: string;
  instructions: readonly Instruction[];
  /** Steps that count: groups, references to children and what is disabled do not. */
  steps: number;
  /** Of the sequence and its children; a child's does not replace its parent's. */
  globals: readonly { name: string; value: string }[];
  /** 64 hex digits: changes with everything that a run depends on. */
  hash: string;
}

/** The child sequence of that package, or null when there is none. */
export type ChildLoader = (child: ChildSequence) => Sequence | null;

interface Frame {
  nodes: readonly SequenceNode[];
  next: number;
  /** Of the group whose nodes these are. */
  group: number;
  disabled: boolean;
  children: readonly string[];
}

/** Throws E_NOT_FOUND for a child that is not there, E_CONFLICT for one that contains itself. */
export function flatten(sequence: Sequence, load: ChildLoader): Program {
  const instructions: Instruction[] = [];
  const globals = new Map<string, { name: string; value: string }>();
  const addGlobals = (of: Sequence): void => {
    for (const { name, value } of of.globalVariables) {
      if (!globals.has(name.toLowerCase())) globals.set(name.toLowerCase(), { name, value });
    }
  };
  addGlobals(sequence);
  let steps = 0;
  const frames: Frame[] = [{ nodes: sequence.nodes, next: 0, group: -1, disabled: false, children: [] }];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const node = frame.nodes[frame.next];
    if (node === undefined) {
      frames.pop();
      const group = instructions[frame.group];
      if (group !== undefined) group.end = instructions.length;
      continue;
    }
    frame.next += 1;
    const pointer = instructions.length;
    const facts = { pointer, parent: frame.group, end: pointer + 1 };
    const disabled = frame.disabled || node.disabled;
    if (node.kind === "step") {
      if (!disabled) steps += 1;
      instructions.push({ ...facts, kind: "step", node, number: disabled ? 0 : steps });
      continue;
    }
    instructions.push({ ...facts, kind: "group", node });
    let { children } = frame;
    let nodes: readonly SequenceNode[] = [];
    if (node.kind === "group") nodes = node.nodes;
    else if (!disabled) {
      // What is disabled is not looked for: it may be why it was disabled.
      const child = loadChild(node, children, load);
      addGlobals(child);
      nodes = child.nodes;
      children = [...children, node.sequencePackageId.toLowerCase()];
    }
    frames.push({ nodes, next: 0, group: pointer, disabled, children });
  }
  const program = { name: sequence.name, instructions, steps, globals: [...globals.values()] };
  return { ...program, hash: hashOf(program.instructions, program.globals) };
}

function loadChild(node: ChildSequence, chain: readonly string[], load: ChildLoader): Sequence {
  const what = `child sequence "${node.sequenceName}" (${node.sequencePackageId}, line ${node.line})`;
  if (chain.includes(node.sequencePackageId.toLowerCase())) {
    throw new VolleyError("E_CONFLICT", `The ${what} contains itself`);
  }
  if (chain.length >= sequenceLimits.childDepth) {
    throw new VolleyError("E_CONFLICT", `The ${what} is ${chain.length} children deep`);
  }
  const child = load(node);
  if (child === null) throw new VolleyError("E_NOT_FOUND", `The ${what} is not there`);
  return child;
}

/** Of what instructions say and how they nest; lines and descriptions change nothing that runs. */
function hashOf(instructions: readonly Instruction[], globals: Program["globals"]): string {
  const hash = createHash("sha256");
  feed(hash, globals);
  for (const { end, node } of instructions) {
    const own = node.kind === "group" ? { ...node, nodes: [] } : node;
    feed(hash, { ...own, end, description: "" });
  }
  return hash.digest("hex");
}

/** Every value with its place, unambiguously, in whatever order the reader made the properties. */
function feed(hash: { update(text: string): unknown }, root: unknown): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) {
      hash.update(`${JSON.stringify(value) ?? "undefined"};`);
      continue;
    }
    const entries = Object.entries(value)
      .filter(([name]) => name !== "line")
      .sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`${Array.isArray(value) ? "[" : "{"}${JSON.stringify(entries.map(([name]) => name))};`);
    for (const [, inner] of entries.toReversed()) open.push(inner);
  }
}

/** The groups around an instruction, outermost first. */
export function groupsAround(instructions: readonly Instruction[], pointer: number): number[] {
  const groups: number[] = [];
  for (let at = instructions[pointer]?.parent ?? -1; at >= 0; at = instructions[at]?.parent ?? -1) {
    groups.push(at);
  }
  return groups.toReversed();
}
