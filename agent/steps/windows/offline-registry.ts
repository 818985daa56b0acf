/** The registry of a Windows that does not run, through hivex. */
import type { StepContext } from "../step.ts";

/**
 * A value as text: a string as it is, a number in decimal digits; null when key or value is not there. `key` begins with
 * a backslash at the hive's root.
 */
export async function readRegistryValue(
  context: StepContext,
  hive: string,
  key: string,
  name: string,
): Promise<string | null> {
  const result = await context.tools.run({ command: ["hivexget", hive, key, name] });
  if (result.exitCode !== 0) return null;
  const text = result.output.replace(/\r?\n$/, "");
  // hivexget shows numbers as "dword:0000000a".
  const number = /^(?:dword|qword):([0-9a-f]+)$/.exec(text)?.[1];
  return number === undefined ? text : String(Number.parseInt(number, 16));
}
