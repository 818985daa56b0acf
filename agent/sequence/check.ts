/** What can be said of a task sequence before it runs: where each step runs, and what looks wrong in it. */
import { conditionWords } from "./checking/condition-words.ts";
import { idleVariables } from "./checking/idle-variables.ts";
import { conditionsThatNeverHold } from "./checking/never-holds.ts";
import { conditionsNotJudged } from "./checking/not-judged.ts";
import { packagesOf, packagesOfSequence, type PackageUse } from "./checking/package-use.ts";
import { scriptsWithoutEnvironment } from "./checking/scripts.ts";
import { supportOfNode, type SupportOf, type SupportSummary } from "./checking/support.ts";
import { variablesNeverSet } from "./checking/variable-use.ts";
import { Problems } from "./reading/problems.ts";
import type { ReadSequence } from "./reading/read.ts";
import type { RunIn, SequenceGroup, SequenceProblem, SequenceStep } from "./tree.ts";
import { walkNodes } from "./walk.ts";

export interface CheckedStep extends SupportSummary {
  /** Names of the groups around it, joined by "/"; of very deep nests only the outermost and innermost. */
  path: string;
  name: string;
  /** How many groups are around it. */
  depth: number;
  /** As written; what it was recognised as for a step without a type. */
  type: string;
  line: number;
  /** In the step catalogue; null when the type is not known. */
  kind: string | null;
  runIn: RunIn;
  /** True also when a group around it is disabled. */
  disabled: boolean;
  continueOnError: boolean;
  /** Has a condition of its own. */
  conditional: boolean;
  /** That condition in words; empty without one. */
  condition: string;
  packages: string[];
}

export interface CheckedGroup {
  name: string;
  /** How many groups are around it. */
  depth: number;
  line: number;
  /** True also when a group around it is disabled. */
  disabled: boolean;
  continueOnError: boolean;
  /** In words; empty without one. */
  condition: string;
  /** How many steps of the list stand before it. */
  before: number;
}

export interface SequenceCheck {
  format: "configmgr" | "mdt";
  version: string;
  name: string;
  packageId: string;
  /** Name in the archive, whose lines are meant; empty for a file that is no archive. */
  entry: string;
  steps: CheckedStep[];
  /** In the order of the file. */
  groups: CheckedGroup[];
  packages: PackageUse[];
  problems: SequenceProblem[];
}

export interface CheckOptions {
  supportOf: SupportOf;
  /** What the step itself finds wrong in its settings; sentences. */
  checkStep?: (step: SequenceStep) => string[];
}

const pathNamesMost = 64;

export function checkSequence(read: ReadSequence, options: CheckOptions): SequenceCheck {
  const { sequence } = read;
  const steps: CheckedStep[] = [];
  const met: CheckedGroup[] = [];
  const problems = new Problems();
  let disabledGroups = 0;
  for (const { node, groups, leaving } of walkNodes(sequence.nodes)) {
    if (node.kind === "group") {
      if (node.disabled) disabledGroups += leaving ? -1 : 1;
      if (!leaving) met.push({ ...groupOf(node, groups, steps.length), disabled: disabledGroups > 0 });
      continue;
    }
    const isChild = node.kind === "child";
    const type = isChild ? "SMS_TaskSequence_SubTasksequence" : node.writtenType || (node.type ?? "");
    steps.push({
      path: pathOf(groups),
      name: node.name,
      depth: groups.length,
      type,
      line: node.line,
      kind: isChild ? "SubTasksequence" : node.type,
      runIn: isChild ? "WinPEandFullOS" : node.runIn,
      disabled: node.disabled || disabledGroups > 0,
      continueOnError: node.continueOnError,
      conditional: node.condition !== null,
      condition: conditionWords(node.condition),
      packages: packagesOf(node),
      ...supportOfNode(node, options.supportOf),
    });
    if (isChild || node.type === null) continue;
    for (const text of options.checkStep?.(node) ?? []) {
      problems.warning(node.line, `The step "${node.name.slice(0, 80)}": ${text}`);
    }
  }
  for (const { line, text } of [
    ...variablesNeverSet(sequence),
    ...idleVariables(sequence),
    ...scriptsWithoutEnvironment(sequence.nodes),
    ...conditionsNotJudged(sequence.nodes),
    ...conditionsThatNeverHold(sequence.nodes),
  ]) {
    problems.warning(line, text);
  }
  const { format, name, version } = sequence;
  return {
    format,
    version,
    name,
    packageId: read.packageId,
    entry: read.entry,
    steps,
    groups: met,
    packages: packagesOfSequence(sequence, steps),
    problems: [...sequence.problems, ...problems.list()].toSorted((one, other) => one.line - other.line),
  };
}

function groupOf(
  { condition, continueOnError, line, name }: SequenceGroup,
  around: readonly SequenceGroup[],
  before: number,
): Omit<CheckedGroup, "disabled"> {
  return {
    name,
    depth: around.length,
    line,
    continueOnError,
    condition: conditionWords(condition),
    before,
  };
}

function pathOf(groups: readonly SequenceGroup[]): string {
  const names = (some: readonly SequenceGroup[]): string => some.map(({ name }) => name).join("/");
  const left = groups.length - pathNamesMost;
  if (left <= 0) return names(groups);
  const half = pathNamesMost / 2;
  return `${names(groups.slice(0, half))}/… ${left} more …/${names(groups.slice(-half))}`;
}
