/**
 * What a kind of step is, and what it is given when it runs. One file of this folder holds one kind; catalogue.ts
 * lists them all. A step knows nothing of the sequence around it: order, conditions, retries and success codes are the
 * interpreter's.
 */
import type { VolleyError } from "../../contract/errors.ts";
import type { StatusMessage } from "../sequence/status.ts";
import type { SequenceStep, SystemName } from "../sequence/tree.ts";
import type { Log } from "../report/logs.ts";
import type { StepServices } from "./services.ts";

/** `real`: does there what the documentation says. `adapted`: another way to the same end, which `reason` names. */
export type Support = { kind: "real" } | { kind: "adapted" | "unsupported"; reason: string };

export interface StepKind {
  /** Class name without "SMS_TaskSequence_" and "Action", or MDT's type: "RunCommandLine", "BDD_Gather". */
  type: string;
  /** As the console's menu calls it: "Run Command Line". */
  title: string;
  support: Record<SystemName, Support>;
  /** False: it must never be run twice when the agent was killed while it ran (a capture, an upload). */
  repeatable: boolean;
  /** Checks of the file alone, before anything runs; sentences. */
  check(step: SequenceStep): string[];
  /**
   * Before a run touches anything: why it cannot do its work on this machine, as far as that is known by then. Null where nothing
   * is in the way, or nobody knows yet.
   */
  foresee?(outlook: StepOutlook): Promise<VolleyError | null>;
  /**
   * Does the work. A failure is an exit code with the text that goes with it, never a thrown error; what is thrown is a
   * broken rule of the program or the registry's E_CANCELLED.
   */
  perform(context: StepContext): Promise<StepOutcome>;
}

/** What there is of a step's context before it runs: nothing is run for the asking, and nothing changed. */
export type StepOutlook = Pick<StepContext, "property" | "services" | "variables">;

export interface StepOutcome {
  /** Win32 or program exit code, as 32 bits without sign. */
  exitCode: number;
  /** What went wrong or was done, a sentence; empty when there is nothing to say. */
  text: string;
  /** The tail of what the step's program printed; empty when it ran none. */
  output: string;
  /** The step succeeded and did not do what it is for: why, told beside its success. */
  reservation?: StatusMessage;
}

export interface StepContext {
  step: SequenceStep;
  system: SystemName;
  /** Value of a property of the step after `%name%` were replaced, "" when it is not there. */
  property(name: string): string;
  variables: StepVariables;
  tools: Tools;
  content: Content;
  /** What this machine and its site offer beyond programs; a step that needs what is missing fails and says so. */
  services?: StepServices;
  log: Log;
  /** Of this step, 0 to 1, and what goes on now, a phrase. */
  progress(fraction: number, doing: string): void;
  signal: AbortSignal;
}

/** The environment as a step sees it: names in any case, its own action variables among them. */
export interface StepVariables {
  /** "" when not set. */
  get(name: string): string;
  /**
   * An empty value deletes. A hidden value appears in no log, screen, status or checkpoint in clear. Names that begin
   * with `_` are read-only for sequences: only a kind whose documented output they are sets them, with `readOnly`.
   * Throws E_VARIABLE for an illegal or read-only name, too long a value, too large an environment; the engine takes
   * that as the step's failure.
   */
  set(name: string, value: string, options?: { hidden?: boolean; readOnly?: boolean }): void;
  /** Replaces each `%name%`; what is no variable and nothing of the process's environment stays as it is written. */
  expand(text: string): string;
  /** Names in use, in no order. */
  names(): string[];
}

export interface ToolRun {
  /** Program and arguments. What is secret goes through `input` or `environment`, never here. */
  command: readonly string[];
  /** Windows alone: the arguments are joined by blanks as they are, because the last one is a command line's rest. */
  verbatim?: boolean;
  workingFolder?: string;
  input?: string;
  environment?: Readonly<Record<string, string>>;
  /** Milliseconds; the whole process tree is killed after them. */
  timeoutMs?: number;
}

export interface ToolResult {
  exitCode: number;
  /** Standard output and standard error as they came, the last limits.stepOutputCharacters of them. */
  output: string;
  timedOut: boolean;
}

/** The one way a step starts a program, so that a double can stand for the tool in tests. */
export interface Tools {
  /** Rejects with E_TOOL_MISSING when there is no such program, with E_CANCELLED when the signal comes. */
  run(run: ToolRun): Promise<ToolResult>;
}

/** Packages of the site, wherever they come from: multicast, HTTP, stand-alone media. */
export interface Content {
  /**
   * A local folder that holds the package's files. Without `retries`, a site that is away is waited for. `at` is told each
   * place that it is about to be fetched from. Rejects with a VolleyError.
   */
  folderOf(packageId: string, retries?: DownloadRetries, at?: (location: string) => void): Promise<string>;
}

/** "SMSTSDownloadRetryCount", "SMSTSDownloadRetryDelay": tries after the first, and what lies between them. */
export interface DownloadRetries {
  count: number;
  delayMs: number;
}
