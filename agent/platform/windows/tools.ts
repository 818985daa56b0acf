/** Windows' own programs, by their full path: a program of the same name that lies beside the agent is not run. */
import { runTool, type ToolExtras } from "../run-tool.ts";
import { limits } from "../../../contract/limits.ts";

export interface WindowsTools {
  path(program: string): string;
  /** Standard output; null when it is missing, fails or takes too long. */
  run(command: readonly [program: string, ...words: string[]], extras?: ToolExtras): Promise<string | null>;
}

/** `systemRoot` such as "C:\\Windows". */
export function windowsTools(systemRoot: string, run: typeof runTool = runTool): WindowsTools {
  const path = (program: string): string => `${systemRoot}\\System32\\${program}`;
  return {
    path,
    run: ([program, ...words], extras) => run([path(program), ...words], limits.slowToolMs, extras),
  };
}
