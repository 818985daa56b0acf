/** Scripts for Windows PowerShell: the text is fixed, and what varies or is secret comes through the environment. */
import { runOrFail } from "../step-kind.ts";
import type { StepContext, ToolResult, ToolRun } from "../step.ts";

export function powerShell(
  script: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ToolRun {
  const text = ["$ErrorActionPreference = 'Stop'", ...script].join("; ");
  return { command: ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", text], environment };
}

export function runPowerShell(
  context: StepContext,
  doing: string,
  script: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<ToolResult> {
  return runOrFail(context, doing, powerShell(script, environment));
}
