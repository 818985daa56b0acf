/**
 * Transactions that look before they write, as for the last administrator: one at a time, in all processes that share
 * the database. The embedded database runs one transaction at a time anyhow; a server does not.
 */
import { sql, type Transaction } from "kysely";
import type { Database, Tables } from "./schema.ts";

/** Of PostgreSQL's advisory locks, whose numbers all of a database's users share. */
const lockNumber = 0x566f6c6c;

export async function alone<Result>(
  database: Database,
  work: (transaction: Transaction<Tables>) => Promise<Result>,
): Promise<Result> {
  return await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${lockNumber})`.execute(transaction);
    return await work(transaction);
  });
}
