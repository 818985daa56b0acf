/** Making a step kind: what is the same in all of them, so that each file says only what is its own. */
import { mkdir } from "node:fs/promises";
import { toVolleyError, VolleyError, type ErrorCode } from "../../contract/errors.ts";
import type { SequenceStep, SystemName } from "../sequence/tree.ts";
import { codes } from "./codes.ts";
import type { StepServices } from "./services.ts";
import type { StepContext, StepKind, StepOutcome, Support, ToolResult, ToolRun } from "./step.ts";

/** Ends a step from anywhere inside it with a code and a sentence. */
export class StepFailure extends Error {
  readonly exitCode: number;
  readonly output: string;

  constructor(exitCode: number, text: string, output = "") {
    super(text);
    this.name = "StepFailure";
    this.exitCode = exitCode;
    this.output = output;
  }
}

export const real: Support = { kind: "real" };
export const adapted = (reason: string): Support => ({ kind: "adapted", reason });
export const unsupported = (reason: string): Support => ({ kind: "unsupported", reason });
export const everywhere: Record<SystemName, Support> = {
  winpe: real,
  linuxpe: real,
  windows: real,
  linux: real,
};

export function succeeded(text = "", output = ""): StepOutcome {
  return { exitCode: codes.success, text, output };
}

interface StepKindOptions {
  type: string;
  title: string;
  support: Record<SystemName, Support>;
  /** True when nothing is said: the step reaches the same state when it is run again. */
  repeatable?: boolean;
  check?(step: SequenceStep): string[];
  foresee?: StepKind["foresee"];
  perform(context: StepContext): Promise<StepOutcome>;
}

/** Whose Options tab has "Retry this step if computer unexpectedly restarts". */
const offersRetries = new Set(["InstallApplication", "InstallSoftware", "InstallUpdate"]);

/** Whoever wrote retryCount into another step may expect more of it than it does. */
function aboutRetries({ repeatable, type }: StepKindOptions, { retryCount }: SequenceStep): string[] {
  if (retryCount === 0 || offersRetries.has(type)) return [];
  if (repeatable === false) return [`retryCount ${retryCount} has no effect, since it is never run twice`];
  return [
    `retryCount ${retryCount} bounds how often it is run again after restarts that cut it off; when it fails it is not run again`,
  ];
}

const runsAsAccount = new Set(["RunCommandLine", "RunPowerShellScript", "BDD_RunPowerShellAction"]);

/** MDT's editor has an account on every step that runs one of its scripts. */
function aboutAccount({ type }: StepKindOptions, { variables }: SequenceStep): string[] {
  const isAsked = variables.some(({ name, value }) => /^RunAsUser$/i.test(name) && /^true$/i.test(value));
  if (!isAsked || runsAsAccount.has(type)) return [];
  return ["RunAsUser does nothing here: the agent does the step by itself, and runs as the system"];
}

/** A kind that fails by itself where it is unsupported, and whose failures are outcomes. */
export function stepKind(options: StepKindOptions): StepKind {
  return {
    type: options.type,
    title: options.title,
    support: options.support,
    repeatable: options.repeatable ?? true,
    check: (step) => [
      ...(options.check?.(step) ?? []),
      ...aboutRetries(options, step),
      ...aboutAccount(options, step),
    ],
    ...(options.foresee !== undefined && { foresee: options.foresee }),
    async perform(context) {
      const support = options.support[context.system];
      if (support.kind === "unsupported") {
        return {
          exitCode: codes.notSupported,
          text: `${options.title} does not run here: ${support.reason}`,
          output: "",
        };
      }
      try {
        return await options.perform(context);
      } catch (error) {
        return outcomeOf(error);
      }
    },
  };
}

const codeOfError: Partial<Record<ErrorCode, number>> = {
  E_TOOL_MISSING: codes.fileNotFound,
  E_NOT_FOUND: codes.fileNotFound,
  E_DISK_NOT_FOUND: codes.notFound,
  E_DISK_REFUSED: codes.accessDenied,
  E_PLAN_DECLINED: codes.accessDenied,
  E_FORBIDDEN: codes.accessDenied,
  E_DEVICE_TOO_SMALL: codes.diskFull,
  E_DEVICE_FULL: codes.diskFull,
  E_SECTOR_SIZE: codes.notSupported,
  E_FIRMWARE: codes.notSupported,
  E_IMAGE_KIND: codes.invalidSetting,
};

/** Rethrows what is no failure of the step: a broken rule of the program, and the wish to stop. */
function outcomeOf(error: unknown): StepOutcome {
  if (error instanceof StepFailure) {
    return { exitCode: error.exitCode, text: error.message, output: error.output };
  }
  if ((error as Error).name === "AbortError") {
    throw new VolleyError("E_CANCELLED", "The step was ended while it waited", { cause: error });
  }
  const system = error as NodeJS.ErrnoException;
  if (typeof system.syscall === "string") {
    const exitCode = systemCodes[system.code ?? ""] ?? codes.failed;
    return { exitCode, text: system.message, output: "" };
  }
  const failure = toVolleyError(error);
  if (failure.code === "E_CANCELLED" || failure.code === "E_INTERNAL") throw error;
  return {
    exitCode: codeOfError[failure.code] ?? codes.failed,
    text: `${failure.code}: ${failure.detail}`,
    output: "",
  };
}

const systemCodes: Record<string, number> = {
  ENOENT: codes.fileNotFound,
  EACCES: codes.accessDenied,
  EPERM: codes.accessDenied,
  EROFS: codes.accessDenied,
  ENOSPC: codes.diskFull,
};

/**
 * A setting that the environment may override, as documented for action variables: what was set under `variable`
 * before the step counts, then what the step says. "" when neither does.
 */
export function setting(context: StepContext, property: string, variable: string): string {
  return context.variables.get(variable) || context.property(property);
}

/** A documented output of a step, which a sequence can read and not set. */
export function setOutput(context: StepContext, name: string, value: string): void {
  context.variables.set(name, value, { readOnly: true });
}

/** "The last location where the task sequence downloaded or attempted to download content." */
export function noteLocation(variables: Pick<StepContext["variables"], "set">, location: string): void {
  variables.set("_SMSTSLastContentDownloadLocation", location, { readOnly: true });
}

/** The documented spellings of yes and no; `fallback` when there is nothing. Anything else ends the step. */
export function flag(text: string, fallback: boolean): boolean {
  if (text === "") return fallback;
  if (/^(true|yes|1)$/i.test(text)) return true;
  if (/^(false|no|0)$/i.test(text)) return false;
  throw new StepFailure(codes.invalidSetting, `"${text}" is neither true nor false`);
}

export function wholeNumber(
  text: string,
  name: string,
  bounds: { least: number; most: number; fallback: number },
): number {
  if (text === "") return bounds.fallback;
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= bounds.least && value <= bounds.most)) {
    const wanted = `a whole number from ${bounds.least} to ${bounds.most}`;
    throw new StepFailure(codes.invalidSetting, `${name} is "${text}", not ${wanted}`);
  }
  return value;
}

/** The service a step cannot do without; its absence is the step's failure. */
export function service<Name extends keyof StepServices>(
  context: Pick<StepContext, "services">,
  name: Name,
  what: string,
): NonNullable<StepServices[Name]> {
  const found = context.services?.[name];
  if (found === undefined) throw new StepFailure(codes.notReadyYet, `Here is no ${what}`);
  return found;
}

/** Runs a tool that has to succeed. `doing` is a phrase for people: "format /dev/sda1". */
export async function runOrFail(
  context: StepContext,
  doing: string,
  run: ToolRun,
  success: readonly number[] = [0],
): Promise<ToolResult> {
  const result = await context.tools.run(run);
  if (result.timedOut) {
    throw new StepFailure(
      codes.timedOut,
      `Could not ${doing}: ${run.command[0]} took too long`,
      result.output,
    );
  }
  if (!success.includes(result.exitCode)) {
    const why = `${run.command[0]} ended with ${result.exitCode}`;
    throw new StepFailure(exitCodeOf(result), `Could not ${doing}: ${why}`, result.output);
  }
  return result;
}

/** A program's status as a step's code: never 0, 32 bits without sign. */
function exitCodeOf({ exitCode }: ToolResult): number {
  return exitCode === 0 ? codes.failed : exitCode >>> 0;
}

/** A folder for a step's own files, which is there afterwards. */
export async function workFolder(context: StepContext): Promise<string> {
  const { work } = service(context, "folders", "folder for the step's own files");
  await mkdir(work, { recursive: true, mode: 0o700 });
  return work;
}
