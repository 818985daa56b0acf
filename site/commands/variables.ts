/** Variables of task sequences, from the files that options name. */
import { readFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import type { SequenceVariable } from "../../contract/sequence.ts";
import { text, type CommandCall } from "./command.ts";

/** A line that begins with # says nothing. Throws E_SOURCE_READ, and E_USAGE that names the line and not its value. */
export function readVariables(call: CommandCall, option: string, hidden: boolean): SequenceVariable[] {
  const path = text(call, option);
  if (path === undefined) return [];
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
  return content.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const at = line.indexOf("=");
    if (at < 1) throw new VolleyError("E_USAGE", `${path}, line ${index + 1} is not of the form NAME=VALUE.`);
    return [{ name: line.slice(0, at).trim(), value: line.slice(at + 1), hidden }];
  });
}
