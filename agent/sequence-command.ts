/** `volley-agent sequence …`: what may be typed, and what is done for it. */
import { open } from "node:fs/promises";
import { VolleyError } from "../contract/errors.ts";
import { parseWordsAndOptions, usage } from "./options.ts";
import { type CheckOptions, checkSequence } from "./sequence/check.ts";
import { checksAsJson, checksAsText } from "./sequence/checking/show.ts";
import { readingLimits } from "./sequence/reading/limits.ts";
import { type ReadSequence, readSequences } from "./sequence/reading/read.ts";

export interface SequenceCheckCommand {
  action: "check";
  file: string;
  json: boolean;
}
export type SequenceCommand = SequenceCheckCommand;

export const sequenceHelpText = `  volley-agent sequence check FILE [--json]      what a task sequence does where, and what is wrong in it:
                                                 ConfigMgr or MDT XML, or the console's .zip
`;

/** `words` are what follows "sequence". Throws E_USAGE. */
export function parseSequenceCommand(words: readonly string[]): SequenceCommand {
  const [action, ...rest] = words;
  switch (action) {
    case "check": {
      const { positionals, values } = parseWordsAndOptions(rest, { json: { type: "boolean" } });
      return { action, file: onlyFile(positionals), json: values.json ?? false };
    }
    default:
      throw usage(
        action === undefined
          ? "What to do with a sequence is missing: check"
          : `No command "sequence ${action}"`,
      );
  }
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

/** The sequences of a file by its path, the main one first. No more of it is read than the reader takes. */
export async function readSequenceFile(path: string): Promise<ReadSequence[]> {
  return readSequences(await readBounded(path));
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error("it is no file");
      if (stat.size > readingLimits.fileBytes) {
        const detail = `${path} has ${stat.size} bytes; ${readingLimits.fileBytes} are read`;
        throw new VolleyError("E_SEQUENCE_TOO_LARGE", detail);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_SEQUENCE_UNREADABLE", `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
