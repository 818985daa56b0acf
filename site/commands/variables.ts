/** Variables of task sequences, from the files that options name. */
import { readFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import type { DeviceVariables, SequenceVariable } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import { text, type Command, type CommandCall } from "./command.ts";
import { printJson, printLine } from "./output.ts";

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

export const variableOptions: Command["options"] = {
  variables: {
    type: "string",
    value: "FILE",
    help: "A line NAME=VALUE each, in the place of all it had.",
  },
  secrets: {
    type: "string",
    value: "FILE",
    help: "As --variables, but hidden: passwords and keys. Remove the file afterwards.",
  },
  keep: { type: "boolean", help: "What the files do not name stays, hidden ones too." },
  clear: { type: "boolean", help: "Take away all that it had." },
};

/** Sets what the options say, or shows what is there where they say nothing. */
export async function changeVariables(client: SiteClient, call: CommandCall, path: string): Promise<void> {
  const given = [...readVariables(call, "variables", false), ...readVariables(call, "secrets", true)];
  const changes = ["variables", "secrets", "clear"].some((name) => call.values[name] !== undefined);
  const keep =
    call.values["keep"] === true
      ? (await client.get<DeviceVariables>(path)).variables.map(({ name }) => name)
      : [];
  const { variables } = changes
    ? await client.post<DeviceVariables>(path, { variables: given, keep })
    : await client.get<DeviceVariables>(path);
  if (call.json) return printJson(variables);
  for (const { hidden, name, value } of variables) printLine(`${name}=${hidden ? "(hidden)" : value}`);
}
