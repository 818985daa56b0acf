/** volley backup | restore */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { restoreBackup, verifyBackup, type BackupFacts } from "../backup/restore.ts";
import { syncPath, writeFileDurably } from "../store/files.ts";
import { bytesText, countText } from "../quantities.ts";
import { text, type CommandCall, type LocalCommand, type SiteCommand } from "./command.ts";
import { choosePlace, databaseOptions } from "./database.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { passphrase, passphraseOption } from "./passphrase.ts";

const sum = (facts: BackupFacts): number => facts.content.reduce((bytes, one) => bytes + one.bytes, 0);

function print(call: CommandCall, facts: BackupFacts, said: string[], content: string): void {
  if (call.json) return printJson(facts);
  for (const line of said) printLine(line);
  if (facts.content.length === 0) return;
  printLine(content);
  printTable(facts.content.map((one) => [one.path, bytesText(one.bytes), one.name ?? "", one.hash ?? ""]));
}

export const backupCommand: SiteCommand = {
  words: "backup",
  operands: "FILE",
  operandCount: 1,
  summary:
    "Keep the site's database, keys and small files in one file under a passphrase; it may run meanwhile.",
  options: {
    "passphrase-file": passphraseOption,
    "content-list": {
      type: "string",
      value: "FILE",
      help: "Write what is too large to be in it, with hashes, as JSON: what is to be copied as files.",
    },
  },
  run: async (client, call) => {
    const path = resolve(call.positionals[0] ?? "");
    if (existsSync(path)) {
      throw new VolleyError("E_CONFLICT", `${path} is there: a backup overwrites nothing.`);
    }
    const secret = await passphrase(call, true);
    const temporary = `${path}.new-${process.pid}`;
    let facts: BackupFacts;
    try {
      await client.save("/backup", { passphrase: secret }, temporary);
      // It counts only once it was read back.
      facts = await verifyBackup(temporary, secret);
      renameSync(temporary, path);
      syncPath(dirname(path));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw asWriteFailure(path, error);
    }
    const list = text(call, "content-list");
    if (list !== undefined) writeFileDurably(resolve(list), `${JSON.stringify(facts.content, null, 2)}\n`);
    print(
      call,
      facts,
      [
        `${path}: ${countText(facts.rows, "row")} and ${countText(facts.files - facts.content.length, "file")}, read back and whole.`,
      ],
      `Not in it, ${bytesText(sum(facts))}; copy these from the data folder:`,
    );
  },
};

function asWriteFailure(path: string, error: unknown): unknown {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof VolleyError || syscall === undefined) return error;
  return new VolleyError(code === "ENOSPC" ? "E_DISK_FULL" : "E_STORE", `${path}: ${message}`, {
    cause: error,
  });
}

export const restoreCommand: LocalCommand = {
  words: "restore",
  operands: "FILE",
  operandCount: 1,
  summary:
    "Make a site out of a backup, in an empty folder (--data), and on a PostgreSQL server where one is named.",
  options: {
    "passphrase-file": passphraseOption,
    ...databaseOptions,
    verify: { type: "boolean", help: "Only read the backup from its first byte to its last." },
  },
  run: async (call) => {
    const path = resolve(call.positionals[0] ?? "");
    const secret = await passphrase(call, false);
    if (call.values["verify"] === true) {
      const facts = await verifyBackup(path, secret);
      return print(call, facts, [`${path} is whole, of ${facts.made}.`], "Not in it:");
    }
    const { keep, place } = choosePlace(call);
    const facts = await restoreBackup(path, secret, place, keep);
    const where = place.databaseServer === null ? "" : `, its database at ${place.databaseServer.url},`;
    print(
      call,
      facts,
      [
        `${call.dataFolder}${where} is the site as it was at ${facts.made}.`,
        `Fingerprint of its authority (SHA-256): ${facts.fingerprint}`,
      ],
      `Copy these back into ${place.sharedFolder}, then run volley image verify:`,
    );
  },
};
