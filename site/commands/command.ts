/** What a command is: its words, its options, and what it does. */
import type { ParseArgsConfig } from "node:util";
import type { SiteClient } from "../client.ts";

export interface CommandCall {
  /** What stands after the command's words. */
  positionals: string[];
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  json: boolean;
  dataFolder: string;
  environment: NodeJS.ProcessEnv;
}
export interface Command {
  /** For example "image import". */
  words: string;
  /** What stands after the words, for the help. */
  operands: string;
  summary: string;
  /** How many operands it takes; some: one or more; any: also none; optional: none or one. */
  operandCount: number | "some" | "any" | "optional";
  options: Record<string, OptionText>;
}
export type OptionText = NonNullable<ParseArgsConfig["options"]>[string] & {
  /** What stands for the value in the help; none for a switch. */
  value?: string;
  help: string;
};
/** A command that asks a site. */
export interface SiteCommand extends Command {
  run: (client: SiteClient, call: CommandCall) => Promise<void>;
}
/** A command that works on files, and on no site. */
export interface LocalCommand extends Command {
  run: (call: CommandCall) => Promise<void>;
}

/** An option's text, undefined when it was not given. */
export function text(call: CommandCall, name: string): string | undefined {
  const value = call.values[name];
  return typeof value === "string" ? value : undefined;
}

/** What an option that may be repeated was given. */
export function texts(call: CommandCall, name: string): string[] {
  const given = call.values[name];
  return Array.isArray(given) ? given.filter((value) => typeof value === "string") : [];
}
