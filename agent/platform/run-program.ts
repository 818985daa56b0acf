/** Starts a program and sees to its end: by itself, by a time limit or by a cancellation. The agent's other ways of running programs are this one. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { VolleyError } from "../../contract/errors.ts";

export interface ProgramRun {
  command: readonly string[];
  /** The whole of it; by default the agent's own. */
  environment?: Readonly<Record<string, string | undefined>>;
  workingFolder?: string;
  /** For its standard input. */
  input?: string;
  /** Windows: the words go to the program as they are, without quotation marks. */
  verbatim?: boolean;
  timeMs: number;
  signal?: AbortSignal;
  onOutput(piece: Buffer): void;
  /** Standard error; without it, it has none. */
  onComplaint?(piece: Buffer): void;
  /** How long what it left behind may hold on to its output after its end; without it, as long as the time limit allows. */
  drainMs?: number;
  /** Ends it with all it has started, and resolves when that is done. By default its process group is killed. */
  endTree?(root: number | null): Promise<unknown>;
}
export interface ProgramEnd {
  /** A signal counts as 128 and its number, as in a shell. */
  exitCode: number;
  timedOut: boolean;
}

/** Windows has no groups, and gives a detached program a window of its own. */
const hasGroups = process.platform !== "win32";
/** The longest that a timer of Node counts. */
const timerMostMs = 2 ** 31 - 1;

/**
 * Resolves when the program has ended, whatever its status, or was ended by its time limit. It runs in a process group of its
 * own: a hanging program's children hang with it. Rejects with E_TOOL_MISSING, with E_TOOL_FAILED for what the system refuses
 * to start, and with E_CANCELLED.
 */
export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const [program, ...words] = run.command;
  if (program === undefined || program === "") {
    return Promise.reject(new VolleyError("E_TOOL_MISSING", "No program is named"));
  }
  if (run.signal?.aborted === true) return Promise.reject(cancelled(program));
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      ...(run.workingFolder !== undefined && { cwd: run.workingFolder }),
      ...(run.environment !== undefined && { env: run.environment }),
      detached: hasGroups,
      windowsHide: true,
      windowsVerbatimArguments: run.verbatim ?? false,
      stdio: ["pipe", "pipe", run.onComplaint === undefined ? "ignore" : "pipe"],
    });
    child.stdout?.on("data", (piece: Buffer) => run.onOutput(piece));
    child.stderr?.on("data", (piece: Buffer) => run.onComplaint?.(piece));
    let timer: NodeJS.Timeout | undefined;
    let drain: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      clearTimeout(drain);
      run.signal?.removeEventListener("abort", cancel);
      for (const stream of child.stdio) stream?.destroy();
      // A process in an uninterruptible call outlives SIGKILL; it must not keep the agent alive.
      child.unref();
      settle();
    };
    const end = (settle: () => void): void => {
      // From now on its end is our doing.
      child.removeAllListeners("close").removeAllListeners("exit");
      clearTimeout(drain);
      const endTree = run.endTree ?? killGroup;
      void endTree(child.pid ?? null).then(() => finish(settle));
    };
    const cancel = (): void => end(() => reject(cancelled(program)));
    child.once("error", (error: NodeJS.ErrnoException) => finish(() => reject(startFailure(program, error))));
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      finish(() => resolve({ exitCode, timedOut: false }));
    };
    child.once("close", ended);
    child.once("exit", (code, signal) => {
      if (run.drainMs !== undefined) drain = setTimeout(() => ended(code, signal), run.drainMs);
    });
    run.signal?.addEventListener("abort", cancel);
    if (run.timeMs < timerMostMs) {
      const late = { exitCode: 128 + constants.signals.SIGKILL, timedOut: true };
      timer = setTimeout(() => end(() => resolve(late)), Math.max(0, run.timeMs));
    }
    // A program that reads nothing has closed its end.
    child.stdin?.on("error", () => {});
    child.stdin?.end(run.input ?? "");
  });
}

async function killGroup(root: number | null): Promise<void> {
  try {
    if (root !== null) process.kill(hasGroups ? -root : root, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
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
