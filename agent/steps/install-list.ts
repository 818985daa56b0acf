/** Installing one thing or a list of them, as Install Package and Install Application share it. */
import { codes } from "./codes.ts";
import { commandRun } from "./run-command-line.ts";
import { StepFailure } from "./step-kind.ts";
import type { Program } from "./services.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { isLinux } from "./volumes.ts";
import { join } from "node:path";

/** More than a list can hold: XX001 to XX999. */
const listMost = 999;

/**
 * Values of BASE001, BASE002, … or BASE01, BASE02, …, as the step counts them, up to the first that is not set: "If there
 * is a gap, the list ends".
 */
export function baseVariableList(context: StepContext, base: string, digits: number): string[] {
  const values: string[] = [];
  for (let number = 1; number <= listMost; number += 1) {
    const value = context.variables.get(`${base}${String(number).padStart(digits, "0")}`);
    if (value === "") break;
    values.push(value);
  }
  return values;
}

export interface Installation {
  /** As people know it: "PKG00001:Install". */
  name: string;
  packageId: string;
  program: Program;
}

/**
 * One after the other; stops at the first failure unless `goOn`. The outcome is the first failure's; a restart that is
 * asked for is 3010.
 */
export async function installAll(
  context: StepContext,
  installations: readonly Installation[],
  goOn: boolean,
): Promise<StepOutcome> {
  let restart = false;
  let failure: StepOutcome | null = null;
  for (const [index, installation] of installations.entries()) {
    context.progress(index / installations.length, `Installing ${installation.name}`);
    const outcome = await install(context, installation);
    context.log.info(`${installation.name}: ${outcome.text}`);
    const succeeded = installation.program.successCodes.includes(outcome.exitCode);
    restart ||= succeeded && outcome.exitCode === codes.rebootRequired;
    if (succeeded) continue;
    failure ??= { ...outcome, text: `${installation.name}: ${outcome.text}` };
    if (!goOn) break;
  }
  if (failure !== null) return failure;
  const text = `${installations.length} installed`;
  return { exitCode: restart ? codes.rebootRequired : codes.success, text, output: "" };
}

async function install(context: StepContext, installation: Installation): Promise<StepOutcome> {
  const { packageId, program } = installation;
  if (program.commandLine.trim() === "") {
    throw new StepFailure(codes.invalidData, `${installation.name} has no command line`);
  }
  const folder = packageId === "" ? undefined : await context.content.folderOf(packageId);
  const below = isLinux(context) ? program.workingFolder.replaceAll("\\", "/") : program.workingFolder;
  const seconds = context.step.timeoutSeconds;
  const result = await context.tools.run({
    ...commandRun(context, context.variables.expand(program.commandLine)),
    ...(folder !== undefined && { workingFolder: below === "" ? folder : join(folder, below) }),
    ...(seconds !== null && { timeoutMs: seconds * 1000 }),
  });
  return {
    exitCode: result.timedOut ? codes.timedOut : result.exitCode >>> 0,
    text: result.timedOut ? "it took too long and was ended" : `it ended with ${result.exitCode >>> 0}`,
    output: result.output,
  };
}
