/** `volley-agent env …`, inside a step: what Microsoft.SMS.TSEnvironment gives a script on Windows. */
import { parseWordsAndOptions, usage } from "./options.ts";
import { askEnvironment } from "../sequence/environment-client.ts";
import type { EnvironmentRequest } from "../sequence/environment-server.ts";

/** `value` null: it comes on standard input. */
export type EnvCommand =
  | { action: "get"; name: string }
  | { action: "set"; name: string; value: string | null; hidden: boolean }
  | { action: "list" };

export const envHelpText = `  volley-agent env get NAME                      inside a step of a sequence: a variable's value
  volley-agent env set NAME [VALUE] [--hidden]   sets it; without VALUE from standard input; empty deletes
  volley-agent env list                          the names of all variables
`;

/** `words` are what follows "env". Throws E_USAGE. */
export function parseEnvCommand(words: readonly string[]): EnvCommand {
  const [action, ...rest] = words;
  const { positionals, values } = parseWordsAndOptions(rest, { hidden: { type: "boolean" } });
  const [name, value = null, more] = positionals;
  if (action === "list" && name === undefined) return { action };
  if (name === undefined || more !== undefined) throw usage("env get NAME, env set NAME [VALUE] or env list");
  if (action === "get" && value === null) return { action, name };
  if (action === "set") return { action, name, value, hidden: values.hidden ?? false };
  throw usage(
    action === undefined ? "What to do is missing: get, set or list" : `No command "env ${action}"`,
  );
}

/** What is printed. Rejects with E_NOT_FOUND outside a step, and with what the engine says. */
export async function askForVariables(
  command: EnvCommand,
  environment: Readonly<Record<string, string | undefined>>,
  readInput: () => Promise<string>,
): Promise<string> {
  const answer = await askEnvironment(await requestOf(command, readInput), environment);
  if (command.action === "set") return "";
  return "names" in answer ? answer.names.map((name) => `${name}\n`).join("") : `${answer.value}\n`;
}

async function requestOf(command: EnvCommand, readInput: () => Promise<string>): Promise<EnvironmentRequest> {
  switch (command.action) {
    case "get":
      return { do: "get", name: command.name };
    case "list":
      return { do: "list" };
    case "set": {
      const { hidden, name } = command;
      const value = command.value ?? (await readInput()).replace(/\r?\n$/, "");
      return { do: "set", name, value, hidden };
    }
  }
}
