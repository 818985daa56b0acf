/**
 * Opens the site's database. Everything above speaks Kysely and plain SQL, so that a server's PostgreSQL can take
 * the place of the embedded one here and nowhere else.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { VolleyError } from "../../contract/errors.ts";
import { DurableFiles } from "./durable-files.ts";
import { syncPath, syncTree } from "./files.ts";
import { migrations } from "./migrations/index.ts";
import type { Tables } from "./schema.ts";

export type Database = Kysely<Tables>;

/** PGlite starts PostgreSQL with -F, which is fsync off; the three settings say what a commit means here. */
const durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"].flatMap((setting) => ["-c", setting]);

async function startEmbedded(folder: string): Promise<PGlite> {
  const startParams = [...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"), ...durable];
  return await PGlite.create({ fs: new DurableFiles(folder), startParams });
}

/** The database is made beside its place and moved there whole, so that a cut in between leaves none. */
async function createEmbedded(folder: string): Promise<void> {
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const database = await startEmbedded(unfinished);
  await database.close();
  syncTree(unfinished);
  renameSync(unfinished, folder);
  syncPath(dirname(folder));
}

/** `folder` belongs to the caller alone (store/lock.ts). Throws E_STORE. */
export async function openDatabase(folder: string): Promise<Database> {
  try {
    if (!existsSync(folder)) await createEmbedded(folder);
    const database = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: await startEmbedded(folder) }) });
    try {
      const { error } = await new Migrator({ db: database, provider: migrations }).migrateToLatest();
      if (error) throw error;
      return database;
    } catch (error) {
      await database.destroy();
      throw error;
    }
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new VolleyError("E_STORE", `The database in ${folder} does not open: ${message}`, { cause: error });
  }
}
