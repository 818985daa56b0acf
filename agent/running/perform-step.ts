/** Gives a step of a sequence what it runs with, and holds it to its time. */
import { findStepKind } from "../steps/catalogue.ts";
import { noteLocation } from "../steps/step-kind.ts";
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { StepEnvironment } from "../sequence/environment.ts";
import { exitCodes } from "../sequence/exit-codes.ts";
import type { StepInstruction } from "../sequence/instructions.ts";
import { sequenceLimits } from "../sequence/limits.ts";
import type { StepResult } from "../sequence/narrator.ts";
import type { SystemName } from "../sequence/tree.ts";
import type { StepServices } from "../steps/services.ts";
import type { Content, DownloadRetries, StepContext, StepKind } from "../steps/step.ts";
import { runStepTool, type StepToolsOptions } from "../platform/step-tools.ts";
import type { Log } from "../report/logs.ts";

export interface StepPerformer {
  system: SystemName;
  /** What programs of steps find in their environment. */
  environment: Readonly<Record<string, string | undefined>>;
  content: Content;
  services?: StepServices;
  log: Log;
  /** Told when a step begins, with its variables, and when it has ended, with null. */
  onStep(step: StepInstruction, variables: StepEnvironment | null): void;
  progress(step: StepInstruction, fraction: number, doing: string): void;
  signal: AbortSignal;
  endTree: StepToolsOptions["endTree"];
}

/** Of what a step printed, the last that goes into smsts.log. */
const loggedCharacters = 4000;

/** Rejects with E_CANCELLED, and with what breaks the program. */
export async function performStep(
  step: StepInstruction,
  variables: StepEnvironment,
  mark: string,
  by: StepPerformer,
): Promise<StepResult> {
  const { node } = step;
  const kind = node.type === null ? null : findStepKind(node.type);
  if (kind === null) {
    const text = `No part of this agent knows how to do a step of type "${node.writtenType || "(none)"}"`;
    return { exitCode: exitCodes.notSupported, text, output: "" };
  }
  const time = startTime(node.timeoutSeconds, by.signal);
  const context: StepContext = {
    step: node,
    system: by.system,
    property: (name) => variables.property(name),
    variables,
    tools: {
      run: (run) =>
        runStepTool(run, {
          environment: by.environment,
          mark,
          outputCharacters: limits.stepOutputCharacters,
          timeLeftMs: time.leftMs,
          signal: time.signal,
          endTree: by.endTree,
        }),
    },
    content: {
      folderOf: (packageId) =>
        by.content.folderOf(packageId, downloadRetries(variables), (location) =>
          noteLocation(variables, location),
        ),
    },
    ...(by.services !== undefined && { services: by.services }),
    log: by.log,
    progress: (fraction, doing) => by.progress(step, fraction, doing),
    signal: time.signal,
  };
  by.onStep(step, variables);
  try {
    const result = await Promise.race([performKind(kind, context, time), time.overdue]);
    if (result.output !== "") {
      by.log.detail(`Output of ${node.name}:\n${result.output.slice(-loggedCharacters)}`);
    }
    return { ...result, exitCode: windowsCode(result.exitCode, step, by.system) };
  } finally {
    time.stop();
    by.onStep(step, null);
  }
}

/**
 * "The number of times that Configuration Manager attempts to download content", twice by default; "the number of seconds
 * … before it retries", 15 by default. Undefined where neither is set: then a site that is away is waited for.
 */
function downloadRetries(variables: StepEnvironment): DownloadRetries | undefined {
  const [count, delay] = ["SMSTSDownloadRetryCount", "SMSTSDownloadRetryDelay"].map((name) => {
    const text = variables.get(name).trim();
    return /^\d{1,5}$/.test(text) ? Number(text) : null;
  });
  if (typeof count !== "number" && typeof delay !== "number") return undefined;
  return { count: count ?? 2, delayMs: (delay ?? 15) * 1000 };
}

/** A program on Linux has eight bits for its status: of "restart, please" (3010) 194 is left. */
function windowsCode(exitCode: number, { node }: StepInstruction, system: SystemName): number {
  const isLinux = system === "linux" || system === "linuxpe";
  const asked = node.successCodes.includes(exitCodes.rebootRequired) && !node.successCodes.includes(exitCode);
  return isLinux && asked && exitCode === (exitCodes.rebootRequired & 0xff)
    ? exitCodes.rebootRequired
    : exitCode;
}

async function performKind(kind: StepKind, context: StepContext, time: StepTime): Promise<StepResult> {
  try {
    return await kind.perform(context);
  } catch (error) {
    if (time.isOver()) return time.result();
    const failure = toVolleyError(error);
    if (failure.code === "E_CANCELLED" || failure.code === "E_INTERNAL") throw failure;
    return { exitCode: exitCodes.failed, text: `${failure.code}: ${failure.detail}`, output: "" };
  }
}

/** The longest that a timer of Node counts. */
const timerMostMs = 2 ** 31 - 1;

interface StepTime {
  /** Comes with the time limit, a little after programs were ended by it, and with the run's own. */
  signal: AbortSignal;
  leftMs(): number;
  isOver(): boolean;
  result(): StepResult;
  /** Resolves for a step that does not end although it was told to. */
  overdue: Promise<StepResult>;
  stop(): void;
}

/** Programs are ended when the time is over; what is no program hears of it through the signal. */
function startTime(seconds: number | null, outer: AbortSignal): StepTime {
  const controller = new AbortController();
  const endAt = seconds === null ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000;
  const leftMs = (): number => endAt - Date.now();
  const result = (): StepResult => ({
    exitCode: exitCodes.timedOut,
    text: `The step took longer than ${seconds} seconds`,
    output: "",
  });
  const cancel = (): void => controller.abort();
  outer.addEventListener("abort", cancel);
  if (outer.aborted) cancel();
  const timers: NodeJS.Timeout[] = [];
  const overdue = new Promise<StepResult>((resolve) => {
    if (seconds === null) return;
    const { stepGraceMs } = sequenceLimits;
    const timeMs = Math.min(seconds * 1000, timerMostMs - stepGraceMs);
    timers.push(setTimeout(cancel, timeMs + stepGraceMs / 4));
    timers.push(setTimeout(() => resolve(result()), timeMs + stepGraceMs));
  });
  return {
    signal: controller.signal,
    leftMs,
    isOver: () => leftMs() <= 0 && !outer.aborted,
    result,
    overdue,
    stop() {
      for (const timer of timers) clearTimeout(timer);
      outer.removeEventListener("abort", cancel);
    },
  };
}
