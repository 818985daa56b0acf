/** What the agent's own check says of a task sequence. The agent is run as a program: the site reads no sequences. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { SequenceCheck } from "../../contract/sequence.ts";
import { ownFile } from "../own-files.ts";
import type { StoredCheck } from "../store/sequences.ts";
import { runTool } from "./tools.ts";

/**
 * Why it could not be checked is answered where that is not the file's fault. Throws E_SEQUENCE_UNREADABLE and
 * E_SEQUENCE_TOO_LARGE, as the agent says them.
 */
export async function checkSequence(path: string): Promise<StoredCheck> {
  try {
    const [program = "", ...before] = agentCommand();
    const words = [...before, "sequence", "check", path, "--json"];
    const { complaint, exitCode, output } = await runTool(program, words, undefined, {
      limitMs: limits.sequenceCheckMs,
    });
    if (exitCode === 0) {
      SequenceCheck.parse(JSON.parse(output));
      return { json: output };
    }
    const [, code, detail = ""] = /^(E_\w+): (.*)/m.exec(complaint) ?? [];
    if (code === "E_SEQUENCE_UNREADABLE" || code === "E_SEQUENCE_TOO_LARGE") {
      throw new VolleyError(code, detail.replaceAll(path, "the file"));
    }
    throw new VolleyError("E_TOOL_FAILED", `the agent ended with ${exitCode}: ${complaint}`);
  } catch (error) {
    const failure = toVolleyError(error);
    if (failure.code.startsWith("E_SEQUENCE_")) throw failure;
    return { json: null, unchecked: `${failure.code}: ${failure.detail}` };
  }
}

/** As it was compiled beside the site, else as it was packaged. Memory is bounded: the file comes from anywhere. */
function agentCommand(): string[] {
  const compiled = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
  if (existsSync(compiled)) {
    return [process.execPath, `--max-old-space-size=${limits.sequenceCheckMebibytes}`, compiled];
  }
  const packaged = ownFile("build/package/volley-agent");
  if (existsSync(packaged)) return [packaged];
  throw new VolleyError("E_TOOL_MISSING", "No agent lies beside the site, which checks sequences.");
}
