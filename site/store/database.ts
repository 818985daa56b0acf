/**
 * Opens the site's database. Everything above speaks Kysely and plain SQL, so that a server's PostgreSQL can take
 * the place of the embedded one here and nowhere else.
 */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { VolleyError } from "../../contract/errors.ts";
import { DurableFiles } from "./durable-files.ts";
import { syncPath, syncTree, writeFileDurably } from "./files.ts";
import { migrations } from "./migrations/index.ts";
import type { Tables } from "./schema.ts";

export type Database = Kysely<Tables>;

/** PGlite starts PostgreSQL with -F, which is fsync off; the three settings say what a commit means here. */
const durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"].flatMap((setting) => [
  "-c",
  setting,
]);

async function startEmbedded(folder: string): Promise<PGlite> {
  const startParams = [...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"), ...durable];
  return await PGlite.create({ fs: new DurableFiles(folder), startParams });
}

/** Written last of all when the database is made: without it what is there is an unfinished one. */
const completeMark = "volley-complete";

async function openEmbedded(folder: string): Promise<PGlite> {
  const mark = join(folder, completeMark);
  if (existsSync(mark)) return await startEmbedded(folder);
  rmSync(folder, { recursive: true, force: true });
  const database = await startEmbedded(folder);
  // The program that lays the files out does not wait for the disk.
  await database.exec("CHECKPOINT");
  syncTree(folder);
  syncPath(dirname(folder));
  writeFileDurably(mark, "");
  return database;
}

/** `folder` belongs to the caller alone (store/lock.ts). Throws E_STORE. */
export async function openDatabase(folder: string): Promise<Database> {
  try {
    const database = new Kysely<Tables>({
      dialect: new PGliteDialect({ pglite: await openEmbedded(folder) }),
    });
    try {
      const { error } = await new Migrator({ db: database, provider: migrations }).migrateToLatest();
      if (error !== undefined) throw new Error("its tables cannot be brought up to date", { cause: error });
      return database;
    } catch (error) {
      await database.destroy();
      throw error;
    }
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_STORE", `The database in ${folder} does not open: ${reason(error)}`, {
      cause: error,
    });
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reason(error.cause)})`;
}
