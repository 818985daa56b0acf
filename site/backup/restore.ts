/** Makes a data folder out of a backup: read whole first, then into a folder that is empty, and there at once or not at all. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { finishDatabase, makeDatabase } from "../store/database.ts";
import { loadDump, type DumpPart } from "../store/dump.ts";
import { makeFolder, syncPath, syncTree, writeFileDurably } from "../store/files.ts";
import { settleRestored } from "../store/lease.ts";
import { lockFolder } from "../store/lock.ts";
import { knownMigrations } from "../store/migrations/index.ts";
import type { DatabaseServer } from "../store/server-database.ts";
import { readArchive, type ArchiveLine, type ContentFile } from "./archive.ts";

export interface BackupFacts {
  /** ISO 8601. */
  made: string;
  /** Of the site's authority: machines trust the restored site as they did. */
  fingerprint: string;
  migrations: string[];
  rows: number;
  files: number;
  /** What is to be copied back beside it. */
  content: ContentFile[];
}

/** Reads a backup from its first byte to its last. Throws E_BACKUP, E_SOURCE_READ. */
export async function verifyBackup(path: string, passphrase: string): Promise<BackupFacts> {
  return await walk(path, passphrase, async () => undefined);
}

/** Throws E_BACKUP where the parts are not in order, or not as many as the end says. */
async function walk(
  path: string,
  passphrase: string,
  take: (line: ArchiveLine) => Promise<void>,
): Promise<BackupFacts> {
  const wrong = (reason: string): VolleyError => new VolleyError("E_BACKUP", `${path}: ${reason}`);
  const facts: BackupFacts = { made: "", fingerprint: "", migrations: [], rows: 0, files: 0, content: [] };
  let ended = false;
  for await (const line of readArchive(path, passphrase)) {
    if (ended) throw wrong("Something comes after its end.");
    if ((facts.made === "") !== (line.record === "start")) throw wrong("It does not begin as a backup does.");
    switch (line.record) {
      case "start":
        facts.made = line.made;
        facts.fingerprint = line.fingerprint;
        facts.migrations = line.migrations;
        break;
      case "row":
        facts.rows += 1;
        break;
      case "file":
        facts.files += 1;
        break;
      case "content": {
        const { bytes, hash, name } = line;
        facts.files += 1;
        facts.content.push({ path: line.path, bytes, name, hash });
        break;
      }
      case "end":
        if (line.rows !== facts.rows || line.files !== facts.files) throw wrong("Parts of it are missing.");
        ended = true;
        break;
      case "table":
      case "counter":
        break;
    }
    await take(line);
  }
  if (!ended) throw wrong("It has no end.");
  return facts;
}

const unfinished = ".restoring";

/** Throws E_UPGRADE where a restore into that folder was cut off. */
export function refuseUnfinishedRestore(dataFolder: string): void {
  if (!existsSync(join(dataFolder, unfinished))) return;
  throw new VolleyError(
    "E_UPGRADE",
    `A restore into ${dataFolder} was not finished: empty the folder and restore again.`,
  );
}

/** Where the restored site is to be. */
export interface RestorePlace {
  dataFolder: string;
  /** What all processes of a database on a server have in common; else the data folder. */
  sharedFolder: string;
  /** Null: an embedded one in the data folder. */
  databaseServer: DatabaseServer | null;
}

/**
 * Throws E_CONFLICT for a folder or a server's database that is not empty, E_UPGRADE for a newer version's backup, E_BACKUP,
 * E_STORE, E_SOURCE_READ. `keep` is called once all is there.
 */
export async function restoreBackup(
  path: string,
  passphrase: string,
  place: RestorePlace,
  keep: () => void = () => undefined,
): Promise<BackupFacts> {
  const { dataFolder, sharedFolder } = place;
  const folders = [...new Set([dataFolder, sharedFolder])];
  for (const folder of folders) if (existsSync(folder)) refuseContent(folder, readdirSync(folder));
  const facts = await verifyBackup(path, passphrase);
  const unknown = facts.migrations.find((name) => !knownMigrations.includes(name));
  if (unknown !== undefined) {
    throw new VolleyError("E_UPGRADE", `${path} was made by a newer version: it has the step ${unknown}.`);
  }
  const lock = await lockFolder(dataFolder);
  try {
    makeFolder(sharedFolder);
    // Reading took its time, in which another restore, or a person, may have put something there.
    for (const folder of folders) {
      refuseContent(
        folder,
        readdirSync(folder).filter((name) => !name.startsWith("lock-")),
      );
    }
    await fill(path, passphrase, place, facts.migrations);
    keep();
  } finally {
    lock.release();
  }
  return facts;
}

function refuseContent(dataFolder: string, names: readonly string[]): void {
  if (names.length === 0) return;
  throw new VolleyError("E_CONFLICT", `The folder ${dataFolder} is not empty.`);
}

/**
 * On a failure takes back what it has put there, and nothing else. Of a server's database the empty tables may stay: the
 * rows come all at once.
 */
async function fill(
  path: string,
  passphrase: string,
  { databaseServer, sharedFolder }: RestorePlace,
  migrations: readonly string[],
): Promise<void> {
  const folder = join(sharedFolder, unfinished);
  const moved: string[] = [];
  try {
    mkdirSync(folder, { mode: 0o700 });
    await writeFiles(path, passphrase, folder);
    const database = await makeDatabase(databaseServer ?? join(folder, "database"), migrations);
    try {
      await loadDump(database, partsOf(path, passphrase));
      if (databaseServer !== null) {
        await finishDatabase(database);
        writeFileDurably(join(folder, "site-id"), `${await settleRestored(database)}\n`);
      }
    } finally {
      await database.destroy();
    }
    syncTree(folder);
    for (const name of readdirSync(folder)) {
      renameSync(join(folder, name), join(sharedFolder, name));
      moved.push(name);
    }
    syncPath(sharedFolder);
    rmSync(folder, { recursive: true });
    syncPath(sharedFolder);
  } catch (error) {
    for (const name of moved) rmSync(join(sharedFolder, name), { recursive: true, force: true });
    // What says that this was not finished goes last.
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function writeFiles(path: string, passphrase: string, folder: string): Promise<void> {
  await walk(path, passphrase, async (line) => {
    if (line.record !== "file" && line.record !== "content") return;
    const place = join(folder, line.path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    if (line.record !== "file") return;
    writeFileDurably(place, Buffer.from(line.data, "base64"), line.mode);
    // A machine's log came when its file was written.
    if (line.changed !== undefined) utimesSync(place, new Date(line.changed), new Date(line.changed));
  });
}

/** Of a backup, for `loadDump`. Throws E_BACKUP, E_SOURCE_READ. */
export async function* partsOf(path: string, passphrase: string): AsyncGenerator<DumpPart> {
  for await (const line of readArchive(path, passphrase)) {
    if (line.record === "row") yield { part: "row", json: line.json };
    else if (line.record === "table") yield { part: "table", name: line.name };
    else if (line.record === "counter") yield { part: "counter", name: line.name, value: line.value };
  }
}
