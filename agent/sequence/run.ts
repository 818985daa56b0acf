/**
 * One run of a sequence, from its start or from where it stopped: variables, checkpoint and interpreter put together.
 * What belongs to a system or to steps is handed in.
 */
import { VolleyError } from "../../contract/errors.ts";
import { openRunRecord, type CheckpointStore, type RunRecord, type SecretKey } from "./checkpoint.ts";
import { conditionHolds, type ConditionWorld } from "./conditions/evaluate.ts";
import { SequenceEnvironment, type EnvironmentLayers, type StepEnvironment } from "./environment.ts";
import { builtInVariables, type SequenceFacts } from "./facts.ts";
import type { Instruction, Program, StepInstruction } from "./instructions.ts";
import { interpret } from "./interpreter.ts";
import type { Effects, Pause, RunEnd, RunState } from "./run-state.ts";
import type { StepResult } from "./narrator.ts";
import { statusMessages, type SequenceStatus } from "./status.ts";

export interface RunOptions {
  program: Program;
  facts: SequenceFacts;
  layers: EnvironmentLayers;
  processVariables: Readonly<Record<string, string | undefined>>;
  stores: readonly [CheckpointStore, ...CheckpointStore[]];
  secretKey: SecretKey;
  onHidden(value: string): void;
  /** What conditions look at beside the variables. */
  world(environment: SequenceEnvironment): ConditionWorld;
  /** Told once, before anything runs. */
  onEnvironment?(environment: SequenceEnvironment): void;
  /** Before anything runs, of a run that is taken up too: why a step from `pointer` on cannot do its work here, or null. */
  foresee?(pointer: number, environment: SequenceEnvironment): Promise<VolleyError | null>;
  /** `mark` names this step of this run, for its processes. Rejects with E_CANCELLED alone. */
  perform(step: StepInstruction, variables: StepEnvironment, mark: string): Promise<StepResult>;
  isRepeatable(step: StepInstruction): boolean;
  runsHere(step: StepInstruction): boolean;
  /** Ends what a step that was interrupted has left running. */
  endLeft(mark: string): Promise<unknown>;
  status(status: SequenceStatus): void;
  /** Rejects with E_CANCELLED. */
  rest(seconds: number): Promise<void>;
  log: Effects["log"];
  /** `failure`: of this instruction, which has just failed; null before it begins. */
  pause?(
    instruction: Instruction,
    environment: SequenceEnvironment,
    failure: StepResult | null,
  ): Promise<Pause>;
}

export interface RanSequence {
  end: RunEnd;
  environment: SequenceEnvironment;
  state: RunState;
}

/**
 * Rejects with E_CANCELLED, after which the same call takes the run up; with E_SEQUENCE_CHANGED and E_CHECKPOINT before
 * anything runs, and with what was foreseen; with E_VARIABLE for layers that are not allowed. An end other than a restart removes
 * the checkpoint, and so does what was foreseen.
 */
export async function runSequence(options: RunOptions): Promise<RanSequence> {
  const { log, program } = options;
  const record = await openRunRecord({
    stores: options.stores,
    secretKey: options.secretKey,
    sequenceHash: program.hash,
    onWarning: (text) => log.warning(text),
  });
  const environment = openEnvironment(options, record);
  options.onEnvironment?.(environment);
  const { state } = record;
  const foreseen = state.ended === null ? await options.foresee?.(state.pointer, environment) : null;
  if (foreseen) {
    await record.remove();
    throw foreseen;
  }
  log.detail(`TSManager initialized environment for task sequence: ${program.name}`);
  if (record.variables === null) {
    tellStart(options);
    // A run that is killed before its first step is taken up as itself, too.
    await record.save(state, environment.snapshot());
  } else if (state.begun) await options.endLeft(markOf(record, state.pointer));
  const end =
    endOf(state, program) ?? (await interpret(program, state, effectsOf(options, record, environment)));
  if (end.kind !== "restart") {
    tellEnd(options, end);
    await record.remove();
  }
  return { end, environment, state };
}

function openEnvironment(options: RunOptions, { variables }: RunRecord): SequenceEnvironment {
  const environment = new SequenceEnvironment(options);
  if (variables === null) environment.lay({ ...options.layers, globals: options.program.globals });
  else environment.restore(variables);
  // The machine may be in another system than before the restart.
  for (const { name, value } of builtInVariables(options.facts)) {
    environment.set(name, value, { readOnly: true });
  }
  return environment;
}

const markOf = (record: RunRecord, pointer: number): string => `${record.runId}-${pointer}`;

/** How a run had ended that was killed before its checkpoint was removed. */
function endOf(state: RunState, program: Program): RunEnd | null {
  if (state.ended === "succeeded") return { kind: "succeeded" };
  if (state.ended !== "failed") return null;
  const last = state.outcomes.at(-1);
  if (last === undefined) {
    throw new VolleyError("E_CHECKPOINT", `${program.name} failed before its first step`);
  }
  const text = "It had failed when it was interrupted";
  return { kind: "failed", action: last.name, result: { exitCode: last.exitCode, text, output: "" } };
}

function effectsOf(options: RunOptions, record: RunRecord, environment: SequenceEnvironment): Effects {
  const world = options.world(environment);
  return {
    evaluate: (condition) => conditionHolds(condition, world),
    perform: (step) =>
      options.perform(step, environment.forStep(step.node.variables), markOf(record, step.pointer)),
    isRepeatable: (step) => options.isRepeatable(step),
    runsHere: (step) => options.runsHere(step),
    variables: environment,
    checkpoint: (state) => record.save(state, environment.snapshot()),
    status: (status) => options.status(status),
    rest: async (seconds, { node }) => {
      options.log.detail(`Resting ${seconds} seconds after the restart of ${node.name}`);
      await options.rest(seconds);
    },
    log: options.log,
    pause: async (instruction, _state, failure) =>
      (await options.pause?.(instruction, environment, failure)) ?? { kind: "go" },
  };
}

function tellStart({ facts, program, status }: RunOptions): void {
  const [messageId, messageName] = statusMessages[facts.inPe ? "startedWithoutClient" : "started"];
  status({ messageId, messageName, step: 0, group: "", action: program.name, exitCode: 0, output: "" });
}

function tellEnd({ program, status }: RunOptions, end: Exclude<RunEnd, { kind: "restart" }>): void {
  const [messageId, messageName] = statusMessages[end.kind === "failed" ? "failed" : "completed"];
  const exitCode = end.kind === "failed" ? end.result.exitCode >>> 0 : 0;
  const output = end.kind === "failed" ? `${end.action}: ${end.result.text}` : "";
  status({ messageId, messageName, step: 0, group: "", action: program.name, exitCode, output });
}
