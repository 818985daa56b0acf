/** Runs the programs that boot media are made with: some take their time. */
import { limits } from "../../contract/limits.ts";
import { runToolWell } from "../content/tools.ts";

/** Standard output of a program that ended well. Throws E_TOOL_MISSING, E_TOOL_FAILED. */
export function runMediaTool(
  program: string,
  words: readonly string[],
  where: { folder?: string; input?: string } = {},
): Promise<string> {
  return runToolWell(program, words, { ...where, limitMs: limits.mediaToolMs });
}

/** A line for bash; `words` are its $1, $2, … */
export function runMediaShell(line: string, words: readonly string[], folder: string): Promise<string> {
  return runMediaTool("bash", ["-c", `set -euo pipefail; ${line}`, "bash", ...words], { folder });
}
