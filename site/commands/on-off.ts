/** Switches with a value, so that what is not named stays. */
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

/** Throws E_USAGE, naming the option. */
export function onOff(call: CommandCall, name: string): boolean | undefined {
  const given = text(call, name);
  return given === undefined ? undefined : onOffWord(given, `--${name}`);
}

/** Throws E_USAGE, saying what is on or off. */
export function onOffWord(given: string, what: string): boolean {
  if (given === "on" || given === "off") return given === "on";
  throw new VolleyError("E_USAGE", `${what} is on or off, not "${given}".`);
}
