/** Runs the programs of steps: bounded output, a time limit and a cancellation that end the whole process tree. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { StringDecoder } from "node:string_decoder";
import { VolleyError } from "../../contract/errors.ts";

/** The variable that marks a step's programs, and so all that they start. */
export const markVariable = "VOLLEY_STEP";

export interface StepToolRun {
  command: readonly string[];
  verbatim?: boolean;
  workingFolder?: string;
  input?: string;
  environment?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}
export interface StepToolResult {
  exitCode: number;
  output: string;
  timedOut: boolean;
}

export interface StepToolsOptions {
  /** What every program's environment begins with. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Put into each program's environment, so that all it starts can be found. */
  mark: string;
  /** Of standard output and standard error together, the last ones. */
  outputCharacters: number;
  /** Time left to a step, in milliseconds; a program gets no longer. */
  timeLeftMs(): number;
  signal: AbortSignal;
  /** Ends a program with all it has started; resolves when they are gone. */
  endTree(root: number | null, mark: string): Promise<unknown>;
}

/** How long output is awaited after a program has ended that left a child behind with it. */
const drainMs = 250;
/** The longest that a timer of Node counts. */
const timerMostMs = 2 ** 31 - 1;

/**
 * Resolves when the program has ended, whatever its status; a signal counts as 128 and its number, as in a shell.
 * Rejects with E_TOOL_MISSING, E_NOT_FOUND for a working folder that is not there, E_TOOL_FAILED for what the system
 * refuses to start, and E_CANCELLED.
 */
export function runStepTool(run: StepToolRun, options: StepToolsOptions): Promise<StepToolResult> {
  const [program, ...words] = run.command;
  if (program === undefined || program === "") {
    return Promise.reject(new VolleyError("E_TOOL_MISSING", "No program is named"));
  }
  if (run.workingFolder !== undefined && !existsSync(run.workingFolder)) {
    return Promise.reject(new VolleyError("E_NOT_FOUND", `The folder ${run.workingFolder} is not there`));
  }
  if (options.signal.aborted) return Promise.reject(cancelled(program));
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      ...(run.workingFolder !== undefined && { cwd: run.workingFolder }),
      env: { ...options.environment, ...run.environment, [markVariable]: options.mark },
      // A session of its own, so that its group can be told from the agent's; Windows would give it a window.
      detached: process.platform !== "win32",
      windowsHide: true,
      windowsVerbatimArguments: run.verbatim ?? false,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output = tailOf(child, options.outputCharacters);
    let timer: NodeJS.Timeout | undefined;
    let drain: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      clearTimeout(drain);
      options.signal.removeEventListener("abort", cancel);
      for (const stream of child.stdio) stream?.destroy();
      child.unref();
      settle();
    };
    const end = (settle: () => void): void => {
      // From now on its end is our doing.
      child.removeAllListeners("close").removeAllListeners("exit");
      clearTimeout(drain);
      void options.endTree(child.pid ?? null, options.mark).then(() => finish(settle));
    };
    const cancel = (): void => end(() => reject(cancelled(program)));
    child.once("error", (error: NodeJS.ErrnoException) => finish(() => reject(startFailure(program, error))));
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      finish(() => resolve({ exitCode, output: output(), timedOut: false }));
    };
    child.once("close", ended);
    child.once("exit", (code, signal) => {
      drain = setTimeout(() => ended(code, signal), drainMs);
    });
    options.signal.addEventListener("abort", cancel);
    const timeMs = Math.min(run.timeoutMs ?? timerMostMs, options.timeLeftMs(), timerMostMs);
    if (timeMs < timerMostMs) {
      timer = setTimeout(
        () => {
          // From now on its end is the time limit's doing.
          child.removeAllListeners("close").removeAllListeners("exit");
          end(() => resolve({ exitCode: 128 + constants.signals.SIGKILL, output: output(), timedOut: true }));
        },
        Math.max(0, timeMs),
      );
    }
    child.stdin?.on("error", () => {});
    child.stdin?.end(run.input ?? "");
  });
}

/** Both streams as they come, the last `most` characters of them. */
function tailOf(child: ChildProcess, most: number): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    const decoder = new StringDecoder("utf8");
    stream?.on("data", (piece: Buffer) => {
      text += decoder.write(piece);
      if (text.length > most * 2) text = text.slice(-most);
    });
  }
  return () => text.slice(-most);
}

function cancelled(program: string): VolleyError {
  return new VolleyError("E_CANCELLED", `${program} was ended`);
}

function startFailure(program: string, error: NodeJS.ErrnoException): VolleyError {
  const isMissing = error.code === "ENOENT" || error.code === "EACCES" || error.code === "ENOTDIR";
  return new VolleyError(isMissing ? "E_TOOL_MISSING" : "E_TOOL_FAILED", `${program}: ${error.message}`, {
    cause: error,
  });
}
