/** Runs the programs that boot media are made with. */
import { execFile } from "node:child_process";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { complaintCharacters, startFailure, toolEnvironment } from "../content/tools.ts";

/**
 * Standard output of a program that ended well. `folder`: where it works; `input`: its standard input. Throws
 * E_TOOL_MISSING, E_TOOL_FAILED.
 */
export function runMediaTool(
  program: string,
  words: readonly string[],
  { folder, input = "" }: { folder?: string; input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      ...(folder !== undefined && { cwd: folder }),
      env: toolEnvironment(),
      timeout: limits.mediaToolMs,
      maxBuffer: limits.toolOutputBytes,
    };
    const child = execFile(program, words, options, (error, output, complaint) => {
      if (error === null) resolve(output);
      else if (typeof error.code === "string" && error.code.startsWith("E") && !error.killed) {
        reject(startFailure(program, error));
      } else {
        const said = complaint.trim().slice(-complaintCharacters);
        const how = error.killed ? `took longer than ${limits.mediaToolMs / 60_000} minutes` : "failed";
        reject(new VolleyError("E_TOOL_FAILED", `${program} ${how}: ${said}`));
      }
    });
    // A program that reads nothing has closed its end.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** A line for bash; `words` are its $1, $2, … */
export function runMediaShell(line: string, words: readonly string[], folder: string): Promise<string> {
  return runMediaTool("bash", ["-c", `set -euo pipefail; ${line}`, "bash", ...words], { folder });
}
