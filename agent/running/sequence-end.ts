/** What comes after a sequence: the error that a person sees for a while, and SMSTSPostAction. */
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import type { ConsoleLines } from "../console-lines.ts";
import { hexCode, meaningOf } from "../sequence/exit-codes.ts";
import type { RunEnd } from "../sequence/run-state.ts";
import type { RanSequence } from "../sequence/run.ts";
import { sequenceLimits } from "../sequence/limits.ts";

export type FailedEnd = Extract<RunEnd, { kind: "failed" }>;

/** Code, meaning, remedy. */
export function failureLines({ action, result }: FailedEnd): string[] {
  const { meaning, remedy } = meaningOf(result.exitCode);
  return [
    `Task sequence failed at: ${action}`,
    `  Code 0x${hexCode(result.exitCode)} (${result.exitCode >>> 0}): ${meaning}`,
    ...(result.text === "" ? [] : [`  ${result.text}`]),
    `  What to do: ${remedy}`,
  ];
}

/** JSON for programs: how it ended, and what each step came to. */
export function summaryOf({ end, state }: RanSequence): string {
  const failed = end.kind === "failed" ? { action: end.action, exitCode: end.result.exitCode >>> 0 } : {};
  return `${JSON.stringify({ result: end.kind, ...failed, outcomes: state.outcomes }, null, 2)}\n`;
}

export function failureOf({ action, result }: FailedEnd): VolleyError {
  return new VolleyError("E_SEQUENCE_FAILED", `"${action}" ended with 0x${hexCode(result.exitCode)}`);
}

/** Seconds; the documented 900 for what is no number. */
export function errorDialogSeconds(text: string): number {
  const seconds = /^\d{1,9}$/.test(text.trim()) ? Number(text) : sequenceLimits.errorDialogSeconds;
  return Math.min(seconds, sequenceLimits.errorDialogSecondsMost);
}

/** Leaves the error standing until somebody presses Enter, or so long. */
export async function holdError(seconds: number, lines: ConsoleLines, signal: AbortSignal): Promise<void> {
  if (seconds === 0) return;
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const quiet = (): void => {};
  await Promise.race([
    delay(seconds * 1000, undefined, { signal: both }).catch(quiet),
    lines.next(both).then(quiet, quiet),
  ]);
  end.abort();
}

/** "It doesn't wait or record any status, just exits after calling that command." */
export function startPostAction(
  line: string,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const isWindows = process.platform === "win32";
  const [program, words]: [string, string[]] = isWindows
    ? ["cmd.exe", ["/d", "/s", "/c", `"${line}"`]]
    : ["/bin/sh", ["-c", 'line=$VOLLEY_COMMAND_LINE; unset VOLLEY_COMMAND_LINE; eval "$line"']];
  const child = spawn(program, words, {
    env: { ...environment, ...(!isWindows && { VOLLEY_COMMAND_LINE: line }) },
    detached: true,
    windowsVerbatimArguments: isWindows,
    stdio: "ignore",
  });
  // Nobody is told: the sequence has ended.
  child.on("error", () => {});
  child.unref();
}
