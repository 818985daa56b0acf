/** A passphrase from a file's first line, or typed where nobody sees it: never from the command line. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { CommandCall, OptionText } from "./command.ts";
import { passwordIn } from "./passwords.ts";

export const passphraseOption: OptionText = {
  type: "string",
  value: "FILE",
  help: "The passphrase is its first line; without it you are asked.",
};

/** `isNew`: it is asked for twice. Throws E_USAGE where there is nobody to ask, or it is too short; E_SOURCE_READ. */
export async function passphrase(call: CommandCall, isNew: boolean): Promise<string> {
  const given = passwordIn(call, "passphrase-file") ?? (await ask("Passphrase of the backup: "));
  if (given.length < limits.passwordCharactersLeast || given.length > limits.backupPassphraseCharactersMost) {
    throw new VolleyError(
      "E_USAGE",
      `The passphrase is to have at least ${limits.passwordCharactersLeast} characters.`,
    );
  }
  const isTyped = call.values["passphrase-file"] === undefined;
  if (isNew && isTyped && (await ask("The same again: ")) !== given) {
    throw new VolleyError("E_USAGE", "The two passphrases are not the same.");
  }
  return given;
}

async function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new VolleyError(
      "E_USAGE",
      "There is no terminal to ask for the passphrase: give --passphrase-file.",
    );
  }
  process.stderr.write(question);
  // What is typed is echoed into nothing.
  const output = new Writable({ write: (_bytes, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
