/** What a deployment would do, shown before it does; and the name that a person types where the risk is high. */
import { createInterface } from "node:readline/promises";
import type { DeploymentPreview } from "../../contract/devices.ts";
import type { SiteClient } from "../client.ts";
import { text, type Command, type CommandCall } from "./command.ts";
import { printJson, printLine } from "./output.ts";
import { countText } from "../quantities.ts";

export function showPreview(call: CommandCall, preview: DeploymentPreview): void {
  if (call.json) return printJson(preview);
  for (const line of linesOf(preview)) printLine(line);
}

function linesOf({ confirm, devices, effects, enrolled, names, risks }: DeploymentPreview): string[] {
  const more = devices > names.length ? " and others" : "";
  return [
    `It is for ${countText(devices, "device")}, of which ${enrolled} ${enrolled === 1 ? "has" : "have"} enrolled: ${names.join(", ")}${more}`,
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

export const confirmOption: Command["options"] = {
  confirm: {
    type: "string",
    value: "NAME",
    help: 'What is asked for where an open deployment becomes one of high risk: names, with " and " between.',
  },
};

/** Of what is posted to `path`: as --confirm says, else as a person types it who was shown what will happen. */
export async function confirmationOf(
  client: SiteClient,
  call: CommandCall,
  change: { path: string; body: object },
): Promise<string | undefined> {
  const given = text(call, "confirm");
  if (given !== undefined) return given;
  const preview = await client.post<DeploymentPreview>(`${change.path}/preview`, change.body);
  return await askConfirmation(call, preview);
}
