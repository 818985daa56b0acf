#!/usr/bin/env node
/** The `volley` program: the only reader of the command line and the environment. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { toVolleyError, VolleyError } from "../contract/errors.ts";
import { auditCommands } from "./commands/audit.ts";
import { backupCommand, restoreCommand } from "./commands/backup.ts";
import { collectionCommands } from "./commands/collection.ts";
import type { Command, CommandCall, LocalCommand, SiteCommand } from "./commands/command.ts";
import { withSite } from "./commands/connect.ts";
import { credentialCommands } from "./commands/credential.ts";
import { placeOf } from "./commands/database.ts";
import { deploymentCommands } from "./commands/deployment.ts";
import { deploymentListCommands } from "./commands/deployment-list.ts";
import { deviceCommands } from "./commands/device.ts";
import { distributionPointCommands } from "./commands/distribution-point.ts";
import { helpFor, helpForAll, optionsOf } from "./commands/help.ts";
import { imageCommands } from "./commands/image.ts";
import { machineCommands } from "./commands/machine.ts";
import { mediaCommands } from "./commands/media.ts";
import { agentCommands } from "./commands/agent.ts";
import { packageCommands } from "./commands/package.ts";
import { pointCommands } from "./commands/point.ts";
import { pointRunCommands, runPoint } from "./commands/point-run.ts";
import { pxeCommands } from "./commands/pxe.ts";
import { reportCommands } from "./commands/report.ts";
import { sequenceCommands } from "./commands/sequence.ts";
import { sessionCommands } from "./commands/session.ts";
import { runSite, siteCommand } from "./commands/site.ts";
import { webhookCommands } from "./commands/webhook.ts";
import { statusMessageCommands } from "./commands/status-messages.ts";
import { tokenCommands, userCommands } from "./commands/user.ts";
import { wakeCommands } from "./commands/wake.ts";
import type { SiteNative } from "./options.ts";

const asking: SiteCommand[] = [
  ...imageCommands,
  ...sequenceCommands,
  ...packageCommands,
  ...agentCommands,
  ...credentialCommands,
  ...deploymentListCommands,
  ...deploymentCommands,
  ...machineCommands,
  ...deviceCommands,
  ...collectionCommands,
  ...mediaCommands,
  ...sessionCommands,
  ...pointCommands,
  ...distributionPointCommands,
  ...statusMessageCommands,
  ...webhookCommands,
  ...reportCommands,
  ...pxeCommands,
  ...userCommands,
  ...tokenCommands,
  ...auditCommands,
  ...wakeCommands,
  backupCommand,
];
const local: LocalCommand[] = [restoreCommand];
// The longer words of a command are looked for first: "dp run" is "dp", too.
const commands: Command[] = [siteCommand, ...asking, ...local, ...pointRunCommands];

/** Loaded only by what needs it, so that help and lists work before the addon is built. */
async function loadNative(): Promise<SiteNative> {
  try {
    return await import("../native/index.ts");
  } catch (error) {
    throw new VolleyError("E_TOOL_MISSING", (error as Error).message, { cause: error });
  }
}

/** The command whose words begin the line, and what stands after them. */
function findCommand(line: string[]): { command: Command; rest: string[] } | undefined {
  for (const command of commands) {
    const words = command.words.split(" ");
    if (words.every((word, index) => line[index] === word)) {
      return { command, rest: line.slice(words.length) };
    }
  }
  return undefined;
}

/** The commands that a line without a command asks about: all of them, or those of one kind (`volley image`). */
function helpAskedFor([kind = "--help", asked = "--help"]: string[]): Command[] {
  const isHelp = (word: string): boolean => ["--help", "-h", "help"].includes(word);
  if (isHelp(kind)) return commands;
  return isHelp(asked) ? commands.filter(({ words }) => words.startsWith(`${kind} `)) : [];
}

function isCounted({ operandCount }: Command, count: number): boolean {
  if (operandCount === "any") return true;
  if (operandCount === "some") return count > 0;
  return operandCount === "optional" ? count < 2 : count === operandCount;
}

function parseCall(command: Command, line: string[]): CommandCall & { help: boolean } {
  let parsed: { values: CommandCall["values"]; positionals: string[] };
  try {
    parsed = parseArgs({ args: line, options: optionsOf(command), allowPositionals: true, strict: true });
  } catch (error) {
    throw new VolleyError("E_USAGE", (error as Error).message);
  }
  const { values, positionals } = parsed;
  const help = values["help"] === true;
  if (!help && !isCounted(command, positionals.length)) {
    const wanted = command.operands === "" ? "nothing" : command.operands;
    throw new VolleyError(
      "E_USAGE",
      `volley ${command.words} takes ${wanted}, but ${positionals.length} were given.`,
    );
  }
  const data = values["data"] ?? process.env["VOLLEY_DATA"] ?? "volley-data";
  const { env: environment } = process;
  const json = values["json"] === true;
  return { positionals, values, json, dataFolder: resolve(String(data)), environment, help };
}

/** Programs that this one starts do not get it. */
function takeCredential(): string | null {
  const credential = process.env["VOLLEY_CREDENTIAL"];
  delete process.env["VOLLEY_CREDENTIAL"];
  return credential ?? null;
}

/** Resolves at the first signal to end; a second one ends at once. */
function endSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
}

async function run(line: string[]): Promise<void> {
  const found = findCommand(line);
  if (found === undefined) {
    const asked = helpAskedFor(line);
    if (asked.length > 0) {
      process.stdout.write(helpForAll(asked));
      return;
    }
    throw new VolleyError("E_USAGE", `There is no command "volley ${line.slice(0, 2).join(" ")}".`);
  }
  const call = parseCall(found.command, found.rest);
  if (call.help) {
    process.stdout.write(helpFor(found.command));
    return;
  }
  const onFiles = local.find((one) => one === found.command);
  if (onFiles !== undefined) return await onFiles.run(call);
  const command = asking.find((one) => one === found.command);
  if (pointRunCommands.includes(found.command)) {
    await runPoint(call, { native: await loadNative(), credential: takeCredential(), ended: endSignal() });
  } else if (command === undefined) await runSite(call, await loadNative(), endSignal());
  else {
    const place = placeOf(call.dataFolder, call.environment);
    await withSite(place, loadNative, (client) => command.run(client, call));
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const failure = toVolleyError(error);
  process.stderr.write(`${failure.toString()}\n`);
  process.exitCode = failure.entry.exitCode;
}
