/** Passwords for commands: a file's first line, since a command line is in the list of processes. */
import { readFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

/** Undefined without the option. Throws E_SOURCE_READ. */
export function passwordIn(call: CommandCall, option: string): string | undefined {
  const path = text(call, option);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8").split(/\r?\n/)[0] ?? "";
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
}
