/** Ends a program with what it has started, by taskkill, which Windows PE has too. */
import type { WindowsTools } from "./tools.ts";

/**
 * Node keeps the programs that it starts in a job which ends with it, so nothing is left of a step whose agent was
 * killed but what that step's program had started in turn; Windows tells nobody whose that was. Answers 1 where the
 * program itself still runs.
 */
export async function endProcessTree(root: number | null, tools: WindowsTools): Promise<number> {
  if (root === null) return 0;
  if ((await tools.run(["taskkill.exe", "/PID", String(root), "/T", "/F"])) !== null) return 0;
  try {
    process.kill(root, "SIGKILL");
    return 0;
  } catch (error) {
    // It has just ended by itself.
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? 0 : 1;
  }
}
