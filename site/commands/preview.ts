/** What a deployment would do, shown before it does; and the name that a person types where the risk is high. */
import { createInterface } from "node:readline/promises";
import type { DeploymentPreview } from "../../contract/devices.ts";
import type { CommandCall } from "./command.ts";
import { printJson, printLine } from "./output.ts";

export function showPreview(call: CommandCall, preview: DeploymentPreview): void {
  if (call.json) return printJson(preview);
  for (const line of linesOf(preview)) printLine(line);
}

function linesOf({ confirm, devices, effects, enrolled, names, risks }: DeploymentPreview): string[] {
  const more = devices > names.length ? " and others" : "";
  return [
    `It is for ${devices} devices, of which ${enrolled} have enrolled: ${names.join(", ")}${more}`,
    ...effects,
    ...risks.map(({ reason }) => `High risk: ${reason}`),
    ...(confirm === null ? [] : [`It has to be confirmed with: ${confirm}`]),
  ];
}

/** Undefined where nothing is asked for, or nobody is there to be asked: the site then says what is missing. */
export async function askConfirmation(
  call: CommandCall,
  preview: DeploymentPreview,
): Promise<string | undefined> {
  if (preview.confirm === null || call.json || !process.stdin.isTTY) return undefined;
  for (const line of linesOf(preview)) printLine(line);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question("Type the name to go on: ")).trim();
  } finally {
    terminal.close();
  }
}
