/** A task sequence as the agent's check tells it, as a tree for people. */
import type { CheckedGroup, CheckedStep, SequenceCheck } from "../../../contract/sequence.ts";

export type SequencePart = Pick<SequenceCheck, "groups" | "packages" | "problems" | "steps">;
export type SystemName = keyof CheckedStep["support"];
export type SupportWord = CheckedStep["support"][SystemName];

export const systemTitles: Record<SystemName, string> = {
  winpe: "Windows PE",
  linuxpe: "Linux PE",
  windows: "Windows",
  linux: "Linux",
};

export const supportTexts: Record<SupportWord, string> = {
  real: "as in Configuration Manager",
  adapted: "done another way",
  unsupported: "not done",
  unknown: "not known",
};

export interface TreeStep {
  kind: "step";
  step: CheckedStep;
}
export interface TreeGroup {
  kind: "group";
  group: CheckedGroup;
  nodes: TreeNode[];
}
export type TreeNode = TreeStep | TreeGroup;

/** What is deeper stands at this depth: a browser lays out no tree of thousands. */
const depthMost = 24;
/** Steps and groups that are shown; a sequence of more is read in the file. */
const shownMost = 3000;

export interface SequenceTree {
  nodes: TreeNode[];
  /** How many steps and groups are left out. */
  left: number;
}

export function sequenceTree({ groups, steps }: SequencePart): SequenceTree {
  const top: TreeNode[] = [];
  const open: TreeGroup[] = [];
  let shown = 0;
  let next = 0;
  const add = (node: TreeNode, depth: number): void => {
    open.length = Math.min(open.length, depth, depthMost);
    (open.at(-1)?.nodes ?? top).push(node);
    shown += 1;
  };
  for (let index = 0; index <= steps.length && shown < shownMost; index += 1) {
    for (let group = groups[next]; group?.before === index && shown < shownMost; group = groups[next]) {
      const node: TreeGroup = { kind: "group", group, nodes: [] };
      add(node, group.depth);
      open.push(node);
      next += 1;
    }
    const step = steps[index];
    if (step !== undefined && shown < shownMost) add({ kind: "step", step }, step.depth);
  }
  return { nodes: top, left: groups.length + steps.length - shown };
}

/** "Run Command Line" of SMS_TaskSequence_RunCommandLineAction. */
export function typeText({ type }: CheckedStep): string {
  const bare = type.replace(/^(SMS|BDD)_(TaskSequence_)?/, "").replace(/Action$/, "");
  return bare.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
}

/** What changes whether it runs, and what comes of a failure. */
export function marksOf({ continueOnError, disabled }: CheckedGroup | CheckedStep): string[] {
  return [...(disabled ? ["disabled"] : []), ...(continueOnError ? ["goes on after an error"] : [])];
}
