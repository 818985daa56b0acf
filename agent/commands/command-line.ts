/** What was typed, checked and turned into one of the agent's commands. Pure: main.ts hands in the words. */
import { type DoctorCommand, doctorHelpText, parseDoctorCommand } from "./doctor-command.ts";
import {
  type DownloadCommand,
  downloadHelpText,
  downloadProgram,
  parseDownloadCommand,
} from "./download-command.ts";
import { envHelpText, parseEnvCommand, type EnvCommand } from "./env-command.ts";
import { parseOptions, usage } from "./options.ts";
import { parseReceiveCommand, type ReceiveCommand, receiveHelpText } from "./receive-command.ts";
import type { WorkOrder } from "../deploying/work.ts";
import { parseSequenceCommand, type SequenceCommand, sequenceHelpText } from "./sequence-command.ts";
import { checkName, chooseSite, type SiteChoice, siteOptions } from "./site-options.ts";

export interface DeployCommand extends SiteChoice, WorkOrder {
  kind: "deploy";
}

export type Command =
  | DeployCommand
  | { kind: "resume"; stateFolder: string | null }
  | { kind: "identify"; json: boolean; name: string | null }
  | { kind: "disks"; json: boolean }
  | { kind: "inventory" }
  | { kind: "doctor"; doctor: DoctorCommand }
  | { kind: "download"; download: DownloadCommand }
  | { kind: "receive"; receive: ReceiveCommand }
  | { kind: "sequence"; sequence: SequenceCommand }
  | { kind: "env"; env: EnvCommand }
  | { kind: "help" }
  | { kind: "version" };

export const helpText = `volley-agent: puts the image of a deployment on this machine's disk

  volley-agent deploy --site https://HOST:PORT --fingerprint HEX --credential-file FILE
      --site URL               the site's address
      --fingerprint HEX        SHA-256 of the site's authority, as the site shows it at start
      --authority FILE         or the authority's certificate itself, in PEM
      --credential-file FILE   holds the enrolment credential (or: environment VOLLEY_CREDENTIAL);
                               needed once, the machine's own key is kept in the state folder
      --disk PATH              overwrite this disk (or existing file of a disk's size)
      --yes                    overwrite without asking
      --once                   end after one deployment, with its exit code
      --leave-failed           with --once, wait where the site says that the deployment has failed here, until it is
                               cleared there (an agent that runs as a service always does)
      --allow-restart          restart the machine when a task sequence asks for it; without it the agent ends
                               with exit code 194, and goes on with the sequence when it is started again
      --full-screen TEXT       draw on all of the terminal, with this as its last row, as in a PE
      --name NAME              what the site calls this machine (default: its host name)
      --interface ADDRESS      IPv4 address of the network interface to receive on
      --state DIR              where keys, checkpoint, reports and logs are kept
  volley-agent resume [--state DIR]              goes on with the sequence that handed this system over
  volley-agent identify [--json] [--name NAME]   what the site is told of this machine
  volley-agent disks [--json]                    the disks, and why one may not be overwritten
${doctorHelpText}${downloadHelpText}${receiveHelpText}${sequenceHelpText}${envHelpText}  volley-agent --help | --version
`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const general = { help: { ...flag, short: "h" }, version: flag } as const;
const deployOptions = {
  ...general,
  ...siteOptions,
  disk: text,
  yes: flag,
  once: flag,
  "leave-failed": flag,
  "allow-restart": flag,
  "full-screen": text,
} as const;

/** Throws E_USAGE. `words` are what follows the program's name. */
export function parseCommandLine(words: readonly string[]): Command {
  const [first, ...rest] = words;
  if (first === "--help" || first === "-h" || first === "help") return { kind: "help" };
  if (first === "--version") return { kind: "version" };
  switch (first) {
    case "deploy":
      return parseDeploy(rest);
    case "resume": {
      const values = parseOptions(rest, { ...general, state: text });
      return helpOrVersion(values) ?? { kind: "resume", stateFolder: values.state ?? null };
    }
    case "identify": {
      const values = parseOptions(rest, { ...general, json: flag, name: text });
      return (
        helpOrVersion(values) ?? {
          kind: "identify",
          json: values.json ?? false,
          name: checkName(values.name),
        }
      );
    }
    case "disks": {
      const values = parseOptions(rest, { ...general, json: flag });
      return helpOrVersion(values) ?? { kind: "disks", json: values.json ?? false };
    }
    case "inventory":
      return { kind: "inventory" };
    case "doctor": {
      const doctor = parseDoctorCommand(rest);
      return doctor === null ? { kind: "help" } : { kind: "doctor", doctor };
    }
    case "sequence":
      return asksForHelp(rest)
        ? { kind: "help" }
        : { kind: "sequence", sequence: parseSequenceCommand(rest) };
    case "download":
      return asksForHelp(rest)
        ? { kind: "help" }
        : { kind: "download", download: parseDownloadCommand(rest) };
    case "receive":
      return asksForHelp(rest) ? { kind: "help" } : { kind: "receive", receive: parseReceiveCommand(rest) };
    case "env":
      return { kind: "env", env: parseEnvCommand(rest) };
    default:
      throw usage(
        first === undefined
          ? "A command is missing: deploy, doctor, sequence, identify or disks"
          : `No command "${first}"`,
      );
  }
}

const asksForHelp = (words: readonly string[]): boolean =>
  words.some((word) => word === "--help" || word === "-h");

/** A program that goes by the name of one command is that command: `path` is its own. */
export function wordsFor(path: string, words: readonly string[]): string[] {
  const name = path.split(/[\\/]/).at(-1) ?? "";
  const isDownload = name.toLowerCase().replace(/\.exe$/, "") === downloadProgram;
  return isDownload ? ["download", ...words] : [...words];
}

function parseDeploy(words: string[]): Command {
  const values = parseOptions(words, deployOptions);
  const asked = helpOrVersion(values);
  if (asked !== null) return asked;
  return {
    kind: "deploy",
    ...chooseSite(values),
    disk: values.disk ?? null,
    yes: values.yes ?? false,
    once: values.once ?? false,
    leaveFailed: values["leave-failed"] ?? false,
    allowRestart: values["allow-restart"] ?? false,
    fullScreen: values["full-screen"] ?? null,
    resumes: null,
  };
}

function helpOrVersion(values: { help?: boolean; version?: boolean }): Command | null {
  if (values.help === true) return { kind: "help" };
  return values.version === true ? { kind: "version" } : null;
}
