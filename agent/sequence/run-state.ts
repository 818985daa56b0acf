/** What a run of a task sequence is between two instructions, what it does to the world, and how it can end. */
import type { Instruction, StepInstruction } from "./instructions.ts";
import type { NarratorLog, StepResult } from "./narrator.ts";
import type { RestartNotice } from "./restarts.ts";
import type { SequenceStatus } from "./status.ts";
import type { Condition } from "./tree.ts";

export interface StepOutcomeRecord {
  pointer: number;
  name: string;
  exitCode: number;
  result: "succeeded" | "failed" | "ignored";
}

export interface RunState {
  /** The next instruction. */
  pointer: number;
  /** The step at the pointer was begun and has not ended. */
  begun: boolean;
  /** How often the step at the pointer was begun. */
  starts: number;
  /** How often it was cut off: the computer restarted, or the agent died. A checkpoint of an older agent has none. */
  interruptions?: number;
  /** Groups that are open, outermost first. */
  groups: number[];
  outcomes: StepOutcomeRecord[];
  /** A restart that was asked for and has not been seen to happen. A checkpoint of an older agent has none. */
  restarting?: { step: number; target: "HD" | "WinPE"; tries: number } | null;
  /** How it ended; null as long as it has not. */
  ended: "succeeded" | "failed" | null;
}

export const startState = (): RunState => ({
  pointer: 0,
  begun: false,
  starts: 0,
  interruptions: 0,
  groups: [],
  outcomes: [],
  restarting: null,
  ended: null,
});

export type RunEnd =
  | { kind: "succeeded" }
  | { kind: "failed"; action: string; result: StepResult }
  /** Without a notice when it is made up for: whoever had to read it has. */
  | { kind: "restart"; target: "HD" | "WinPE"; notice?: RestartNotice };

/** What a person at the console wants before an instruction. */
export type Pause = { kind: "go" } | { kind: "jump"; pointer: number };

export interface Effects {
  /** Rejects with E_CONDITION. */
  evaluate(condition: Condition | null): Promise<boolean>;
  /** Success codes and what a failure means are the interpreter's. Rejects with E_CANCELLED. */
  perform(step: StepInstruction): Promise<StepResult>;
  /** It must not be run a second time when it was begun. */
  isRepeatable(step: StepInstruction): boolean;
  /** False: its Run in is another kind of system. */
  runsHere(step: StepInstruction): boolean;
  variables: {
    get(name: string): string;
    set(name: string, value: string, options?: { readOnly?: boolean }): void;
  };
  /** Durable when it resolves. */
  checkpoint(state: RunState): Promise<void>;
  status(status: SequenceStatus): void;
  /** Rejects with E_CANCELLED. */
  rest(seconds: number, step: StepInstruction): Promise<void>;
  log: NarratorLog;
  /**
   * Before each instruction with null, and with the failure of one before anything follows from it; rejects with
   * E_CANCELLED when a person quits.
   */
  pause(instruction: Instruction, state: RunState, failure: StepResult | null): Promise<Pause>;
}
