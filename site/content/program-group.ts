/** Programs that a shell joins, which end together: with the shell, by `end`, and with this process however it ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { startFailure, toolEnvironment } from "./tools.ts";

export interface ProgramGroup {
  /** What the programs say on their standard error. */
  heard(hear: (text: string) => void): void;
  /** Resolves at the end of all; `code` is the script's, null after a signal. Throws E_TOOL_MISSING, E_TOOL_FAILED. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Kills them all. */
  end(): void;
}

/**
 * A signal at the parent's end (prctl's PR_SET_PDEATHSIG) reaches one program, and its children live on: a qemu-nbd
 * that nobody had asked yet waited for ever. The guard reads a pipe of this process's, which the kernel closes in
 * any case, and then ends the group that they are all in. It holds none of their streams.
 */
const withGuard = (script: string): string =>
  [
    "{ read -r _; kill -KILL 0; } <&3 >/dev/null 2>&1 &",
    "guard=$!",
    // Of a job of its own the shell would say that it was killed.
    "disown $guard",
    `{ ${script}; } 3<&-`,
    "code=$?",
    "kill -KILL $guard",
    "exit $code",
  ].join("\n");

/** `script` is bash's. Paths are its parameters ($1 and on), never a part of it. */
export function startGroup(script: string, parameters: readonly string[]): ProgramGroup {
  const child = spawn("bash", ["-c", withGuard(script), "bash", ...parameters], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: toolEnvironment(),
    detached: true,
  });
  return {
    heard: (hear) => child.stderr?.on("data", (piece: Buffer) => hear(piece.toString("latin1"))),
    ended: endOf(child),
    end: () => {
      // Until its end is known its number cannot be another's.
      if (child.exitCode === null && child.signalCode === null) killGroup(child);
    },
  };
}

function endOf(child: ChildProcess): ProgramGroup["ended"] {
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(startFailure("bash", error)));
    // Where the shell alone was killed, its guard still holds the group's number.
    child.on("exit", (_code, signal) => {
      if (signal !== null) killGroup(child);
    });
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // All of it ended at this moment.
  }
}
