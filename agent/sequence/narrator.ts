/**
 * Says what the interpreter does: in the words of TSManager in smsts.log, which administrators and their tools look
 * for, and as status messages to the site.
 */
import { hexCode, meaningOf } from "./exit-codes.ts";
import type { GroupInstruction, Instruction, Program, StepInstruction } from "./instructions.ts";
import { statusMessages, type SequenceStatus, type StatusMessage } from "./status.ts";

/** What a step came to. */
export interface StepResult {
  /** 32 bits without sign. */
  exitCode: number;
  text: string;
  output: string;
  /** Of a step that succeeded and did not do what it is for: why, told before its success. */
  reservation?: StatusMessage;
}

/** The part of a log that is used: `detail` is for the files alone. */
export interface NarratorLog {
  detail(text: string): void;
  warning(text: string): void;
  error(text: string): void;
}

const childType = "SMS_TaskSequence_SubTasksequence";

export class Narrator {
  readonly #program: Program;
  readonly #log: NarratorLog;
  readonly #status: (status: SequenceStatus) => void;

  constructor(program: Program, log: NarratorLog, status: (status: SequenceStatus) => void) {
    this.#program = program;
    this.#log = log;
    this.#status = status;
  }

  announce({ kind, node, pointer }: Instruction): void {
    const type = kind === "step" ? node.writtenType : node.kind === "child" ? childType : "";
    this.#log.detail(
      `Start executing an instruction. Instruction name: '${node.name}'.  Pointer: ${pointer}. ` +
        `Type: '${type}'. Disabled: ${node.disabled ? 1 : 0}`,
    );
  }

  groupStarted(group: GroupInstruction): void {
    this.#log.detail(`The group (${group.node.name}) has been successfully started`);
    this.#tell("groupStarted", group);
  }

  groupCompleted(group: Instruction): void {
    this.#log.detail(`The group (${group.node.name}) has been successfully completed`);
    this.#tell("groupCompleted", group);
  }

  skippedDisabled(instruction: Instruction): void {
    const isGroup = instruction.kind === "group";
    this.#log.detail(`Skip the disabled ${isGroup ? "group" : "action"} (${instruction.node.name})`);
    this.#tell(isGroup ? "disabledGroupSkipped" : "disabledActionSkipped", instruction);
  }

  skippedByCondition(instruction: Instruction): void {
    const what = instruction.kind === "group" ? "group" : "action";
    const { name } = instruction.node;
    this.#log.detail(`The condition for the ${what} (${name}) is evaluated to be false. Skip the ${what}`);
    this.#tell(what === "group" ? "groupSkipped" : "actionSkipped", instruction);
  }

  skippedForSystem(step: StepInstruction): void {
    const { name, runIn } = step.node;
    this.#log.detail(`The action (${name}) is for ${runIn} and not for the running system. Skip the action`);
    this.#tell("actionNotForSystem", step);
  }

  repeated({ node }: StepInstruction, times: number): void {
    const { name, retryCount } = node;
    const often = retryCount === 0 ? "" : `: ${times} of ${retryCount}`;
    this.#log.warning(`The step "${name}" was interrupted and is run again${often}`);
  }

  completed(step: StepInstruction, result: StepResult): void {
    if (result.reservation !== undefined) {
      this.#log.error(`${step.node.name}: ${result.text}`);
      this.#tell(result.reservation, step, result);
    }
    this.#log.detail(
      `Successfully completed the action (${step.node.name}) with the exit win32 code ${result.exitCode >>> 0}`,
    );
    this.#tell("actionCompleted", step, result);
  }

  variableSet(name: string, value: string): void {
    this.#log.detail(`Set a global environment variable ${name}=${value}`);
  }

  failed(failed: Instruction, result: StepResult): void {
    const { name } = failed.node;
    if (result.text !== "") this.#log.warning(`${name}: ${result.text}`);
    this.#log.error(`Failed to run the action: ${name}.\r\n${causeOf(result)}`);
    this.#tell("actionFailed", failed, result);
  }

  parentAsked({ node }: Instruction): void {
    this.#log.detail(`Let the parent group (${node.name}) decides whether to continue execution`);
  }

  groupAborted(group: Instruction, result: StepResult): void {
    this.#log.error(
      `The execution of the group (${group.node.name}) has failed and the execution has been aborted. An action failed.`,
    );
    this.#tell("actionFailed", group, result);
  }

  /** By the step itself, or by a group around it. */
  ignored(failed: Instruction, by: Instruction, result: StepResult): void {
    const { name } = failed.node;
    this.#log.detail(
      by === failed
        ? `The action (${name}) continues on error: its failure is ignored`
        : `The group (${by.node.name}) ignored the failure of the action (${name})`,
    );
    this.#tell("failureIgnored", failed, result);
    if (by !== failed) this.#tell("failureIgnored", by, result);
  }

  aborted(failed: Instruction, result: StepResult): void {
    const { name } = failed.node;
    this.#log.error(
      `Failed to run the last action: ${name}. Execution of task sequence failed.\r\n${causeOf(result)}`,
    );
    this.#log.error("Task Sequence Engine failed! Code: enExecutionFail");
  }

  restart(step: StepInstruction, target: string): void {
    this.#log.detail(`The action (${step.node.name}) requested a system restart into ${target}`);
    this.#tell("restart", step);
  }

  #tell(message: StatusMessage, instruction: Instruction, result?: StepResult): void {
    const [messageId, messageName] = statusMessages[message];
    this.#status({
      messageId,
      messageName,
      step: instruction.pointer + 1,
      group: this.#program.instructions[instruction.parent]?.node.name ?? "",
      action: instruction.node.name,
      exitCode: (result?.exitCode ?? 0) >>> 0,
      output: result === undefined ? "" : result.output || result.text,
    });
  }
}

function causeOf({ exitCode }: StepResult): string {
  return `${meaningOf(exitCode).meaning} (Error: ${hexCode(exitCode)}; Source: Windows)`;
}
