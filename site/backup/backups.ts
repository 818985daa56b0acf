/** The backups that a running site makes: for an administrator who asks, and of the version before when it is upgraded. */
import { randomUUID } from "node:crypto";
import { createReadStream, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { Log } from "../log.ts";
import type { Database } from "../store/schema.ts";
import { makeFolder, syncPath } from "../store/files.ts";
import { Turns } from "../turns.ts";
import { writeBackup, type BackupSource } from "./backup.ts";

const unfinished = ".backup-";

export class Backups {
  readonly #source: BackupSource;
  readonly #turns = new Turns();

  constructor(source: BackupSource) {
    this.#source = source;
    for (const name of readdirSync(source.dataFolder)) {
      if (name.startsWith(unfinished)) rmSync(join(source.dataFolder, name), { force: true });
    }
  }

  /** One after another. What is read is gone from the disk once it was read, or was given up. Throws E_STORE. */
  make(passphrase: string): Promise<{ bytes: number; content: Readable }> {
    return this.#turns.take(async () => {
      const path = join(this.#source.dataFolder, unfinished + randomUUID());
      try {
        await writeBackup(this.#source, path, passphrase);
        const { size: bytes } = statSync(path);
        const content = createReadStream(path);
        content.once("close", () => rmSync(path, { force: true }));
        return { bytes, content };
      } catch (error) {
        rmSync(path, { force: true });
        throw asStoreFailure(error);
      }
    });
  }
}

function asStoreFailure(error: unknown): VolleyError {
  if (error instanceof VolleyError) return error;
  const { message } = error as Error;
  return new VolleyError("E_STORE", `The backup cannot be written: ${message}`, { cause: error });
}

/** Below the data folder: a file for each upgrade, which opens with the site's own secrets.key as its passphrase. */
const upgradeFolder = "before-upgrade";
const keptUpgrades = 5;

export interface UpgradeSource extends Omit<BackupSource, "database"> {
  /** File of the passphrase. */
  secretsKey: string;
  log: Log;
}

/** To give to `openStore`: keeps the site as it is before its database is brought up to date. Throws E_STORE. */
export function keepBeforeUpgrade(source: UpgradeSource): (database: Database) => Promise<void> {
  return async (database) => {
    const { dataFolder, fingerprint, log, secretsKey } = source;
    const folder = join(dataFolder, upgradeFolder);
    const name = `${new Date().toISOString().replaceAll(":", "-")}.volley-backup`;
    const path = join(folder, name);
    try {
      makeFolder(folder);
      const passphrase = readFileSync(secretsKey, "utf8").trim();
      await writeBackup({ dataFolder, database, fingerprint }, path, passphrase);
      syncPath(folder);
    } catch (error) {
      rmSync(path, { force: true });
      throw new VolleyError(
        "E_STORE",
        `The site is not upgraded, since its backup cannot be kept in ${folder}: ${toVolleyError(error).detail}`,
        { cause: error },
      );
    }
    log.info(`the database of the version before is kept in ${path}; its passphrase file is ${secretsKey}`);
    for (const old of readdirSync(folder).toSorted().slice(0, -keptUpgrades)) rmSync(join(folder, old));
  };
}
