/**
 * Opens the site's database: the embedded one, or one on a server. Everything above speaks Kysely and plain SQL, so that
 * the one takes the place of the other here and nowhere else.
 */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, sql, type Dialect } from "kysely";
import { Migrator, type MigrationProvider } from "kysely/migration";
import { VolleyError } from "../../contract/errors.ts";
import type { DiskRoom } from "./disk-room.ts";
import { DurableFiles, type DurableFilesOptions } from "./durable-files.ts";
import { migrationsDone } from "./dump.ts";
import { EmbeddedDialect } from "./embedded-database.ts";
import { FailedDisk } from "./failed-disk.ts";
import { syncPath, syncTree, writeFileDurably } from "./files.ts";
import type { HolderLocation } from "./holder-location.ts";
import { servingAt } from "./lease.ts";
import { knownMigrations, migrations, migrationsNamed } from "./migrations/index.ts";
import { serverDialect, type DatabaseServer } from "./server-database.ts";
import type { Database, Tables } from "./schema.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";

/**
 * What a commit means here. PGlite starts PostgreSQL with -F, which is fsync off; and it has no fdatasync, by which
 * PostgreSQL would sync its log, but one that answers success and does nothing: so fsync for that too.
 */
const settings = ["fsync=on", "wal_sync_method=fsync", "full_page_writes=on", "synchronous_commit=on"];
const durable = settings.flatMap((setting) => ["-c", setting]);

async function startEmbedded(folder: string, files: DurableFilesOptions): Promise<PGlite> {
  const startParams = [...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"), ...durable];
  return await PGlite.create({ fs: new DurableFiles(folder, files), startParams });
}

/** Written last of all when the database is made: without it what is there is an unfinished one. */
const completeMark = "volley-complete";

/** Whether the folder of an embedded database has a whole one. */
export function isDatabaseThere(folder: string): boolean {
  return existsSync(join(folder, completeMark));
}

async function openEmbedded(folder: string, files: DurableFilesOptions): Promise<PGlite> {
  if (isDatabaseThere(folder)) return await startEmbedded(folder, files);
  rmSync(folder, { recursive: true, force: true });
  const database = await startEmbedded(folder, files);
  // The program that lays the files out does not wait for the disk.
  await database.exec("CHECKPOINT");
  syncTree(folder);
  syncPath(dirname(folder));
  writeFileDurably(join(folder, completeMark), "");
  return database;
}

/** Called with a database of an earlier version, before anything in it changes; what it throws keeps it as it is. */
export type BeforeUpgrade = (database: Database) => Promise<void>;

export interface DatabaseOptions {
  beforeUpgrade?: BeforeUpgrade;
  /** Gives room where its disk has none. */
  disk?: DiskRoom;
}

/** Where the process answers that serves the site of that database; null when none does. Throws E_STORE. */
export async function readServing(server: DatabaseServer): Promise<HolderLocation | null> {
  const database = new Kysely<Tables>({ dialect: serverDialect(server) });
  try {
    return await servingAt(database);
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    // A database that no site has opened yet.
    return null;
  } finally {
    await database.destroy();
  }
}

/** The folder of an embedded one, or a server. */
export type DatabasePlace = string | DatabaseServer;

/**
 * A folder belongs to the caller alone (store/lock.ts); when its disk fails later, `failed` is called once and every
 * query is refused with E_STORE. A server may have several callers. Throws E_STORE, E_UPGRADE.
 */
export async function openDatabase(
  place: DatabasePlace,
  failed: (failure: VolleyError) => void,
  { beforeUpgrade, disk }: DatabaseOptions = {},
): Promise<Database> {
  const prepare = (database: Database) => bringUpToDate(database, migrations, beforeUpgrade);
  return await openAt(place, { failed, prepare, room: disk });
}

/** A new one, with the tables of those migrations alone. Throws E_STORE; E_CONFLICT where a server's has tables. */
export async function makeDatabase(place: DatabasePlace, named: readonly string[]): Promise<Database> {
  return await openAt(place, {
    failed: () => undefined,
    prepare: async (database) => {
      if (typeof place !== "string") await refuseTables(database, place);
      await bringUpToDate(database, migrationsNamed(named));
    },
    room: undefined,
  });
}

async function refuseTables(database: Database, { url }: DatabaseServer): Promise<void> {
  const { rows } = await sql`select 1 from pg_tables where schemaname = current_schema() limit 1`.execute(
    database,
  );
  if (rows.length === 0) return;
  throw new VolleyError("E_CONFLICT", `The database ${url} is not empty: make it anew, or name another.`);
}

/** With the tables of this version. Throws E_UPGRADE. */
export async function finishDatabase(database: Database): Promise<void> {
  await bringUpToDate(database, migrations);
}

interface Opening {
  failed: (failure: VolleyError) => void;
  prepare: (database: Database) => Promise<void>;
  room: DiskRoom | undefined;
}

async function openAt(place: DatabasePlace, { failed, prepare, room }: Opening): Promise<Database> {
  try {
    const embedded = typeof place === "string" ? await embeddedDialect(place, failed, room) : null;
    const dialect: Dialect = embedded ?? serverDialect(place as DatabaseServer);
    const database = new Kysely<Tables>({ dialect });
    try {
      await prepare(database);
      embedded?.settled();
      return database;
    } catch (error) {
      await database.destroy();
      throw error;
    }
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    const where = typeof place === "string" ? `in ${place}` : `at ${place.url}`;
    throw new VolleyError("E_STORE", `The database ${where} does not open: ${reason(error)}`, {
      cause: error,
    });
  }
}

async function embeddedDialect(
  folder: string,
  failed: (failure: VolleyError) => void,
  room: DiskRoom | undefined,
): Promise<EmbeddedDialect> {
  const disk = new FailedDisk();
  disk.onFailure(failed);
  const log = new WriteAheadLog((failure) => disk.report(failure));
  const database = await openEmbedded(folder, { disk, log, room });
  return new EmbeddedDialect({ database, disk, log });
}

/** All missing steps in one transaction, so that one that fails leaves the database as it was. Throws E_UPGRADE. */
async function bringUpToDate(
  database: Database,
  provider: MigrationProvider,
  beforeUpgrade?: BeforeUpgrade,
): Promise<void> {
  const done = await migrationsDone(database);
  const newer = done.find((name) => !knownMigrations.includes(name));
  if (newer !== undefined) {
    throw new VolleyError("E_UPGRADE", `A newer version has used the database: it has the step ${newer}.`);
  }
  const missing = Object.keys(await provider.getMigrations()).filter((name) => !done.includes(name));
  if (missing.length > 0 && done.length > 0) await beforeUpgrade?.(database);
  // Steps that were made beside each other come in the order in which versions had them.
  const migrator = new Migrator({ db: database, provider, allowUnorderedMigrations: true });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (done.length === 0) throw new Error("its tables cannot be made", { cause: error });
  const step = results?.find(({ status }) => status === "Error")?.migrationName ?? "the first";
  throw new VolleyError(
    "E_UPGRADE",
    `The database cannot be brought up to date, and is as it was: step ${step}: ${reason(error)}`,
    { cause: error },
  );
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reason(error.cause)})`;
}
