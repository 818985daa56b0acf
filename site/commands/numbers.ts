/** Numbers on the command line. */
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

/** Throws E_USAGE, naming the option. */
export function number(
  call: CommandCall,
  name: string,
  range: { least: number; most: number; whole: boolean },
): number | undefined {
  const given = text(call, name);
  if (given === undefined) return undefined;
  const value = Number(given);
  const fits = given.trim() !== "" && value >= range.least && value <= range.most;
  if (fits && (!range.whole || Number.isInteger(value))) return value;
  const kind = range.whole ? "a whole number" : "a number";
  throw new VolleyError(
    "E_USAGE",
    `--${name} takes ${kind} from ${range.least} to ${range.most}, not "${given}".`,
  );
}
