/** Switches with a value, so that what is not named stays. */
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

/** Throws E_USAGE, naming the option. */
export function onOff(call: CommandCall, name: string): boolean | undefined {
  const given = text(call, name);
  if (given === undefined) return undefined;
  if (given === "on" || given === "off") return given === "on";
  throw new VolleyError("E_USAGE", `--${name} is on or off, not "${given}".`);
}
