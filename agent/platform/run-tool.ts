/** Running a program that may hang: it gets a time limit, and is left behind if it cannot even be killed. */
import { spawn } from "node:child_process";
import { limits } from "../../contract/limits.ts";

export interface ToolExtras {
  /** Windows: the words go to the program as they are, without quotation marks. */
  verbatim?: boolean;
}

/** Windows has no groups, and gives a detached program a window of its own. */
const hasGroups = process.platform !== "win32";

/**
 * Standard output of `command`, or null when it is missing, fails, says too much or takes longer than `timeMs`. It
 * runs in a process group of its own, which is killed whole: a hanging tool's children hang with it.
 */
export function runTool(
  command: readonly string[],
  timeMs: number,
  { verbatim = false }: ToolExtras = {},
): Promise<string | null> {
  const [program, ...words] = command;
  if (program === undefined) return Promise.resolve(null);
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "ignore"],
      detached: hasGroups,
      windowsHide: true,
      windowsVerbatimArguments: verbatim,
    });
    const pieces: Buffer[] = [];
    let bytes = 0;
    const finish = (output: string | null): void => {
      clearTimeout(timer);
      child.stdout.destroy();
      // A process in an uninterruptible call outlives SIGKILL; it must not keep the agent alive.
      child.unref();
      resolve(output);
    };
    const giveUp = (): void => {
      try {
        if (child.pid !== undefined) process.kill(hasGroups ? -child.pid : child.pid, "SIGKILL");
      } catch {
        // It has just ended by itself.
      }
      finish(null);
    };
    const timer = setTimeout(giveUp, timeMs);
    child.stdout.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > limits.toolOutputBytes) giveUp();
      else pieces.push(piece);
    });
    child.on("error", () => finish(null));
    child.on("close", (status) => finish(status === 0 ? Buffer.concat(pieces).toString("utf8") : null));
  });
}
