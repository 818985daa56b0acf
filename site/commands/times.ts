/** Times as options give them. */
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

/** ISO 8601 in UTC; undefined without the option. Throws E_USAGE. */
export function time(call: CommandCall, name: string): string | undefined {
  const given = text(call, name);
  if (given === undefined) return undefined;
  const parsed = Date.parse(given);
  if (Number.isNaN(parsed)) throw new VolleyError("E_USAGE", `--${name} is a date or time, not "${given}".`);
  return new Date(parsed).toISOString();
}
