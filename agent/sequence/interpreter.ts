/**
 * Runs a table of instructions by the rules of "Task sequence planning" and of the SDK (Configuration Manager). It is
 * a machine of its own: what it does to the world goes through `Effects`, and its whole state is `RunState`, so that a
 * run can be taken up at any instruction.
 */
import { toVolleyError } from "../../contract/errors.ts";
import { exitCodes } from "./exit-codes.ts";
import {
  groupsAround,
  type GroupInstruction,
  type Instruction,
  type Program,
  type StepInstruction,
} from "./instructions.ts";
import { sequenceLimits } from "./limits.ts";
import { Narrator, type StepResult } from "./narrator.ts";
import { keepNotice, pauseAfter, takeNotice, type RestartNotice } from "./restarts.ts";
import type { Effects, RunEnd, RunState, StepOutcomeRecord } from "./run-state.ts";
import type { Condition } from "./tree.ts";

/** A failure of these ends the sequence, whatever continues on error around them. */
const alwaysFatal = new Set(["setupwindowsandsms"]);

/** Rejects with E_CANCELLED and with what breaks the program; `state` is then what the last checkpoint has. */
export async function interpret(program: Program, state: RunState, effects: Effects): Promise<RunEnd> {
  return new Interpreter(program, state, effects).run();
}

class Interpreter {
  readonly #program: Program;
  readonly #state: RunState;
  readonly #effects: Effects;
  readonly #narrator: Narrator;

  constructor(program: Program, state: RunState, effects: Effects) {
    this.#program = program;
    this.#state = state;
    this.#effects = effects;
    this.#narrator = new Narrator(program, effects.log, (status) => effects.status(status));
  }

  async run(): Promise<RunEnd> {
    const { instructions } = this.#program;
    this.#set("_SMSTSInstructionTableSize", String(instructions.length));
    const owed = await this.#owedRestart();
    if (owed !== null) return owed;
    for (;;) {
      this.#closeGroups();
      await this.#pause();
      const instruction = instructions[this.#state.pointer];
      if (instruction === undefined) break;
      this.#narrator.announce(instruction);
      const end =
        instruction.kind === "group" ? await this.#enter(instruction) : await this.#step(instruction);
      if (end !== null) return end;
    }
    this.#closeGroups();
    this.#state.ended = "succeeded";
    await this.#effects.checkpoint(this.#state);
    return { kind: "succeeded" };
  }

  #set(name: string, value: string): void {
    this.#effects.variables.set(name, value, { readOnly: true });
  }

  /** A person may send the run elsewhere, and is asked again there; the groups around that place count as open. */
  async #pause(): Promise<void> {
    const state = this.#state;
    const { instructions } = this.#program;
    for (let at = instructions[state.pointer]; at !== undefined; at = instructions[state.pointer]) {
      if (state.begun) return;
      const pause = await this.#effects.pause(at, state, null);
      if (pause.kind === "go") return;
      this.#jump(pause.pointer);
    }
  }

  #jump(pointer: number): void {
    this.#goTo(pointer);
    this.#state.groups = groupsAround(this.#program.instructions, pointer);
  }

  #closeGroups(): void {
    const { groups, pointer } = this.#state;
    for (let last = groups.at(-1); last !== undefined; last = groups.at(-1)) {
      const group = this.#program.instructions[last];
      if (group === undefined || group.end > pointer) return;
      groups.pop();
      this.#narrator.groupCompleted(group);
    }
  }

  async #enter(group: GroupInstruction): Promise<RunEnd | null> {
    if (group.node.disabled) {
      this.#narrator.skippedDisabled(group);
      this.#state.pointer = group.end;
      return null;
    }
    const holds = await this.#judge(group.node.condition);
    if (typeof holds === "object") return this.#failed(group, holds);
    if (!holds) {
      this.#narrator.skippedByCondition(group);
      this.#state.pointer = group.end;
      return null;
    }
    this.#state.groups.push(group.pointer);
    this.#state.pointer += 1;
    this.#narrator.groupStarted(group);
    return null;
  }

  async #step(step: StepInstruction): Promise<RunEnd | null> {
    const state = this.#state;
    if (state.begun) state.interruptions = (state.interruptions ?? 0) + 1;
    const before = state.begun ? this.#refusalToRepeat(step) : await this.#skips(step);
    if (before === "skip") {
      state.pointer = step.end;
      return null;
    }
    if (before !== null) return this.#failed(step, before);
    if (state.begun) this.#narrator.repeated(step, state.interruptions ?? 0);
    const result = await this.#perform(step);
    return isSuccess(step, result) ? this.#succeeded(step, result) : this.#failed(step, result);
  }

  /**
   * Why a step that was begun must not be begun again; null when it may. "Retry this step if computer unexpectedly restarts"
   * (Install Application, Install Package, Install Software Updates) says how often; without it what can be repeated is.
   */
  #refusalToRepeat(step: StepInstruction): StepResult | null {
    const { interruptions = 0, starts } = this.#state;
    const { retryCount } = step.node;
    const refusal = (text: string): StepResult => ({ exitCode: exitCodes.interrupted, text, output: "" });
    if (!this.#effects.isRepeatable(step)) {
      return refusal("The step was interrupted, and it must not be run twice");
    }
    if (retryCount > 0 && interruptions > retryCount) {
      return refusal(
        `The step was interrupted ${interruptions} times, and may be retried ${retryCount} times`,
      );
    }
    return starts < sequenceLimits.stepStarts ? null : refusal(`The step was interrupted ${starts} times`);
  }

  /** Skipped steps leave alone what is said of the last action. */
  async #skips(step: StepInstruction): Promise<"skip" | StepResult | null> {
    if (step.node.disabled) {
      this.#narrator.skippedDisabled(step);
      return "skip";
    }
    const holds = await this.#judge(step.node.condition);
    if (typeof holds === "object") return holds;
    if (!holds) {
      this.#narrator.skippedByCondition(step);
      return "skip";
    }
    if (this.#effects.runsHere(step)) return null;
    this.#narrator.skippedForSystem(step);
    return "skip";
  }

  /** What cannot be judged is the failure of what has the condition. */
  async #judge(condition: Condition | null): Promise<boolean | StepResult> {
    try {
      return await this.#effects.evaluate(condition);
    } catch (error) {
      const failure = toVolleyError(error);
      if (failure.code !== "E_CONDITION") throw failure;
      return { exitCode: exitCodes.failed, text: failure.detail, output: "" };
    }
  }

  async #perform(step: StepInstruction): Promise<StepResult> {
    const state = this.#state;
    this.#set("_SMSTSCurrentActionName", step.node.name);
    this.#set("_SMSTSNextInstructionPointer", String(step.pointer));
    keepNotice(step.node.type, this.#effects.variables);
    state.begun = true;
    state.starts += 1;
    await this.#effects.checkpoint(state);
    return this.#effects.perform(step);
  }

  async #succeeded(step: StepInstruction, result: StepResult): Promise<RunEnd | null> {
    const state = this.#state;
    this.#narrator.completed(step, result);
    this.#record(step, result, "succeeded");
    const restart = this.#restartAfter(result.exitCode);
    const again = this.#effects.variables.get("SMSTSRetryRequested") !== "";
    this.#clearRequests();
    const repeats = restart !== null && again && state.starts < sequenceLimits.stepStarts;
    this.#goTo(repeats ? step.pointer : step.end, repeats ? state.starts : 0);
    this.#owe(step, restart);
    return this.#checkpointed(step, restart);
  }

  /** 3010 asks for a restart into the same kind of system, SMSTSRebootRequested for the one it names. */
  #restartAfter(exitCode: number): "HD" | "WinPE" | null {
    const { variables } = this.#effects;
    const requested = variables.get("SMSTSRebootRequested").toLowerCase();
    if (requested !== "") return requested === "winpe" ? "WinPE" : "HD";
    if (exitCode !== exitCodes.rebootRequired) return null;
    return variables.get("_SMSTSInWinPE").toLowerCase() === "true" ? "WinPE" : "HD";
  }

  /**
   * The power may have failed before a restart, or the machine came back to the system that it left: the steps that follow
   * are not for that one, and would all be skipped.
   */
  async #owedRestart(): Promise<RunEnd | null> {
    const state = this.#state;
    const { restarting } = state;
    if (restarting === undefined || restarting === null) return null;
    const isInPe = this.#effects.variables.get("_SMSTSInWinPE").toLowerCase() === "true";
    const step = this.#program.instructions[restarting.step];
    if (isInPe === (restarting.target === "WinPE") || step?.kind !== "step") {
      const seconds = step?.kind === "step" ? pauseAfter(step.node.type, this.#effects.variables) : 0;
      // Before it is forgotten, so that one more restart of Windows' own is followed by the same rest.
      if (seconds > 0 && step?.kind === "step") await this.#effects.rest(seconds, step);
      state.restarting = null;
      return null;
    }
    restarting.tries += 1;
    if (restarting.tries > sequenceLimits.restartTries) {
      const meant = restarting.target === "HD" ? "its installed system" : "a boot image";
      const text = `The computer was restarted ${sequenceLimits.restartTries} times and did not come to ${meant}`;
      state.restarting = null;
      return this.#failed(step, { exitCode: exitCodes.interrupted, text, output: "" });
    }
    await this.#effects.checkpoint(state);
    return this.#restart(step, restarting.target);
  }

  /** A request is for the end of the step that made it. */
  #clearRequests(): void {
    for (const name of ["SMSTSRebootRequested", "SMSTSRetryRequested"]) this.#effects.variables.set(name, "");
  }

  #owe(step: StepInstruction, target: "HD" | "WinPE" | null): void {
    this.#state.restarting = target === null ? null : { step: step.pointer, target, tries: 1 };
  }

  #restart(step: StepInstruction, target: "HD" | "WinPE", notice?: RestartNotice): RunEnd {
    this.#narrator.restart(step, target);
    return { kind: "restart", target, ...(notice !== undefined && { notice }) };
  }

  /** The end of a step is durable, and then the restart that it asked for, if it did, is due. */
  async #checkpointed(step: Instruction, target: "HD" | "WinPE" | null): Promise<RunEnd | null> {
    const notice = target === null ? undefined : takeNotice(this.#effects.variables);
    await this.#effects.checkpoint(this.#state);
    return target === null || step.kind === "group" ? null : this.#restart(step, target, notice);
  }

  #goTo(pointer: number, starts = 0): void {
    this.#state.pointer = pointer;
    this.#state.begun = false;
    this.#state.starts = starts;
    this.#state.interruptions = 0;
  }

  #record(step: Instruction, { exitCode }: StepResult, result: StepOutcomeRecord["result"]): void {
    const { name } = step.node;
    this.#state.outcomes.push({ pointer: step.pointer, name, exitCode: exitCode >>> 0, result });
    const values = [
      ["_SMSTSLastActionName", name],
      // As Configuration Manager writes it: 80070002 is -2147024894.
      ["_SMSTSLastActionRetCode", String(exitCode | 0)],
      ["_SMSTSLastActionSucceeded", result === "succeeded" ? "true" : "false"],
    ] as const;
    for (const [variable, value] of values) {
      this.#set(variable, value);
      this.#narrator.variableSet(variable, value);
    }
  }

  /** A failure goes up until something continues on error; what is skipped by that is the rest of that group. */
  async #failed(failed: Instruction, result: StepResult): Promise<RunEnd | null> {
    this.#narrator.failed(failed, result);
    // A step that continues on error by itself is expected to fail.
    if (!failed.node.continueOnError) {
      const pause = await this.#effects.pause(failed, this.#state, result);
      if (pause.kind === "jump") return this.#failedAside(failed, result, pause.pointer);
    }
    const isFatal = failed.kind === "step" && alwaysFatal.has(failed.node.type?.toLowerCase() ?? "");
    const by = this.#ignoredBy(failed, result, isFatal);
    this.#record(failed, result, by === failed ? "ignored" : "failed");
    if (by === null) {
      this.#narrator.aborted(failed, result);
      this.#state.ended = "failed";
      await this.#effects.checkpoint(this.#state);
      return { kind: "failed", action: failed.node.name, result };
    }
    this.#narrator.ignored(failed, by, result);
    const restart = this.#restartAfter(exitCodes.success);
    this.#clearRequests();
    this.#goTo(by.end);
    if (failed.kind === "step") this.#owe(failed, restart);
    return this.#checkpointed(failed, failed.kind === "step" ? restart : null);
  }

  /** A person has seen the failure, and goes on elsewhere or tries the same again: nothing follows from it. */
  async #failedAside(failed: Instruction, result: StepResult, pointer: number): Promise<null> {
    this.#record(failed, result, "ignored");
    this.#clearRequests();
    this.#jump(pointer);
    await this.#effects.checkpoint(this.#state);
    return null;
  }

  /**
   * The step itself or the innermost group around it that continues on error, null where nothing does or may; the groups
   * inside that are closed.
   */
  #ignoredBy(failed: Instruction, result: StepResult, isFatal: boolean): Instruction | null {
    const { groups } = this.#state;
    if (failed.node.continueOnError && !isFatal) return failed;
    for (let at = this.#program.instructions[failed.parent]; at; at = this.#program.instructions[at.parent]) {
      this.#narrator.parentAsked(at);
      while ((groups.at(-1) ?? -1) >= at.pointer) groups.pop();
      if (at.node.continueOnError && !isFatal) return at;
      this.#narrator.groupAborted(at, result);
    }
    return null;
  }
}

function isSuccess(step: StepInstruction, result: StepResult): boolean {
  return step.node.successCodes.some((code) => code >>> 0 === result.exitCode >>> 0);
}
