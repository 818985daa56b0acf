/** `volley-agent sequence …`: what may be typed, and what is done for it. */
import { parseWordsAndOptions, usage } from "./options.ts";
import { type CheckOptions, checkSequence } from "../sequence/check.ts";
import { checksAsJson, checksAsText } from "../sequence/checking/show.ts";
import { readSequenceFile } from "../sequence/reading/file.ts";
import type { SequenceRunCommand } from "../running/run-sequence.ts";

export interface SequenceCheckCommand {
  action: "check";
  file: string;
  json: boolean;
}
export type SequenceCommand = SequenceCheckCommand | SequenceRunCommand;

export const sequenceHelpText = `  volley-agent sequence check FILE [--json]      what a task sequence does where, and what is wrong in it:
                                                 ConfigMgr or MDT XML, or the console's .zip
  volley-agent sequence run FILE [OPTION...]     runs it here, or goes on where it was stopped
      --dry-run                show the plan with conditions as they stand now, and touch nothing
      --set NAME=VALUE         a variable to begin with; may be repeated
      --packages DIR           holds the packages, a folder for each identifier
      --break STEP             stop in the debugger before the step of that number or name; may be repeated
      --yes                    write disks without asking
      --state DIR              where checkpoint and logs are kept
      --json                   the plan, or how it ended, as JSON
                               exit code: 0, 1 when a step failed, 194 when the computer has to restart
`;

/** `words` are what follows "sequence". Throws E_USAGE. */
export function parseSequenceCommand(words: readonly string[]): SequenceCommand {
  const [action, ...rest] = words;
  switch (action) {
    case "check": {
      const { positionals, values } = parseWordsAndOptions(rest, { json: { type: "boolean" } });
      return { action, file: onlyFile(positionals), json: values.json ?? false };
    }
    case "run":
      return parseRun(rest);
    default:
      throw usage(
        action === undefined
          ? "What to do with a sequence is missing: check or run"
          : `No command "sequence ${action}"`,
      );
  }
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const several = { type: "string", multiple: true } as const;

function parseRun(words: readonly string[]): SequenceRunCommand {
  const { positionals, values } = parseWordsAndOptions(words, {
    state: text,
    set: several,
    "dry-run": flag,
    break: several,
    packages: text,
    yes: flag,
    json: flag,
  });
  const settings = (values.set ?? []).map((setting) => {
    const at = setting.indexOf("=");
    if (at < 1) throw usage(`--set takes NAME=VALUE, not ${setting}`);
    return { name: setting.slice(0, at), value: setting.slice(at + 1) };
  });
  return {
    action: "run",
    file: onlyFile(positionals),
    stateFolder: values.state ?? null,
    settings,
    dryRun: values["dry-run"] ?? false,
    breaks: values.break ?? [],
    packagesFolder: values.packages ?? null,
    yes: values.yes ?? false,
    json: values.json ?? false,
  };
}

function onlyFile(positionals: readonly string[]): string {
  const [file, more] = positionals;
  if (file === undefined) throw usage("The task sequence's file is missing");
  if (more !== undefined) throw usage(`One file at a time: ${more}`);
  return file;
}

/** Rejects with E_SEQUENCE_UNREADABLE or E_SEQUENCE_TOO_LARGE; problems of a sequence that can be read are output. */
export async function checkSequenceFile(
  { file, json }: SequenceCheckCommand,
  options: CheckOptions,
  write: (text: string) => Promise<void>,
): Promise<void> {
  const checks = (await readSequenceFile(file)).map((read) => checkSequence(read, options));
  const batchCharacters = 65_536;
  let batch = "";
  for (const piece of json ? checksAsJson(checks) : checksAsText(checks)) {
    batch += piece;
    if (batch.length < batchCharacters) continue;
    await write(batch);
    batch = "";
  }
  await write(batch);
}
