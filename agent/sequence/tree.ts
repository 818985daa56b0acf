/**
 * A task sequence as it was read: a tagged tree, the same for Configuration Manager's and MDT's files. It says what
 * stands in the file and decides nothing; every node knows the line it came from, from 1.
 */

/** The systems a step may run in, by which support is told and `runIn` is judged. */
export type SystemName = "winpe" | "linuxpe" | "windows" | "linux";

/** Where the file says a step may run: Windows PE (and so a Linux PE), the full system, or both. */
export type RunIn = "WinPE" | "FullOS" | "WinPEandFullOS";

export interface Sequence {
  format: "configmgr" | "mdt";
  /** The `version` attribute: "3.10", "3.00". */
  version: string;
  /** Empty when the file has none, as Configuration Manager's bare `<sequence>` has not. */
  name: string;
  description: string;
  /** Of the package that the sequence starts machines with; empty when it names none. */
  bootImageId: string;
  references: PackageReference[];
  globalVariables: StepVariable[];
  nodes: SequenceNode[];
  /** What the reader met and does not know, in the order of the file: what is not in the tree is named here. */
  problems: SequenceProblem[];
}

export interface PackageReference {
  packageId: string;
  /** "*" for all programs; empty when the file names none. */
  program: string;
  line: number;
}

/**
 * Something in the file, by line, and in a sentence what is wrong with it. An error is something that may change what
 * runs and is not understood; a warning does not keep the sequence from being run as it is meant.
 */
export interface SequenceProblem {
  line: number;
  severity: "error" | "warning";
  text: string;
}

export type SequenceNode = SequenceGroup | SequenceStep | ChildSequence;

interface NodeFacts {
  name: string;
  description: string;
  line: number;
  disabled: boolean;
  continueOnError: boolean;
  /** Null: none, which holds always. */
  condition: Condition | null;
}

export interface SequenceGroup extends NodeFacts {
  kind: "group";
  nodes: SequenceNode[];
}

export interface SequenceStep extends NodeFacts {
  kind: "step";
  /** The `type` attribute as written; empty for MDT's steps without one. */
  writtenType: string;
  /** Name in the step catalogue, such as "RunCommandLine"; null for a type this build does not know. */
  type: string | null;
  runIn: RunIn;
  /** Exit codes that mean success. Never empty. */
  successCodes: number[];
  /** How often it is run again when the computer restarts while it runs; 0 says nothing. Not for a step that fails. */
  retryCount: number;
  /** Null: no limit. */
  timeoutSeconds: number | null;
  runFromNet: boolean;
  /** MDT's working directory; empty when there is none. */
  startIn: string;
  /** The engine's command line as written. */
  action: string;
  variables: StepVariable[];
}

export interface ChildSequence extends NodeFacts {
  kind: "child";
  sequenceName: string;
  sequencePackageId: string;
  variables: StepVariable[];
}

export interface StepVariable {
  name: string;
  /** The class's property the variable fills. */
  property: string;
  value: string;
  /** Used up on the command line, and never given to the environment. */
  hidden: boolean;
  line: number;
}

/** An `operator` without children holds when it is `and`; "not" holds when none of its children does. */
export type Condition = { line: number } & (
  | { kind: "and" | "or" | "not"; conditions: Condition[] }
  | { kind: "variable"; variable: string; operator: string; value: string }
  | { kind: "file"; path: string; version: Comparison | null; dateTime: Comparison | null }
  | { kind: "folder"; path: string; dateTime: Comparison | null }
  | {
      kind: "registry";
      keyPath: string;
      value: string;
      type: string;
      operator: string;
      data: string;
    }
  | { kind: "wmi"; namespace: string; query: string }
  | {
      kind: "software";
      productCode: string;
      productName: string;
      upgradeCode: string;
      version: string;
      operator: string;
    }
  /** An expression this build does not know: it cannot be judged, and the step that has it fails. */
  | { kind: "unknown"; type: string }
);

export interface Comparison {
  operator: string;
  value: string;
}
