/**
 * The database's rows as text, the same from the embedded database and from a server's PostgreSQL: each row as the JSON
 * that PostgreSQL makes of it, and is given back, so that no number passes through JavaScript.
 */
import { sql, type Transaction } from "kysely";
import { limits } from "../../contract/limits.ts";
import type { Database, Tables } from "./schema.ts";

/** In this order: a table, then its rows; the counters of the database at the end. */
export type DumpPart =
  | { part: "table"; name: string }
  | { part: "row"; json: string }
  | { part: "counter"; name: string; value: string };

type Connection = Transaction<Tables>;

/**
 * Everything but the list of migrations, as it was at one moment. Others wait for the embedded database until the last part
 * was taken, so whoever takes them does nothing slow between.
 */
export async function dumpDatabase(
  database: Database,
  take: (part: DumpPart) => Promise<void>,
): Promise<void> {
  await database
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (connection) => {
      for (const name of await tableNames(connection)) {
        await take({ part: "table", name });
        const atOnce = await rowsAtOnce(connection, name);
        await sql`declare volley_dump no scroll cursor for select to_jsonb(one)::text as json from ${sql.table(name)} one`.execute(
          connection,
        );
        for (;;) {
          const { rows } = await sql<{
            json: string;
          }>`fetch ${sql.lit(atOnce)} from volley_dump`.execute(connection);
          for (const { json } of rows) await take({ part: "row", json });
          if (rows.length < atOnce) break;
        }
        await sql`close volley_dump`.execute(connection);
      }
      const { rows } = await sql<{ name: string; value: string }>`
        select sequencename as name, last_value::text as value from pg_sequences
        where schemaname = current_schema() and last_value is not null order by 1`.execute(connection);
      for (const { name, value } of rows) await take({ part: "counter", name, value });
    });
}

/** As many as are surely no more than limits.backupFetchBytes, and one at least: a checkpoint has some MiB, a status some bytes. */
async function rowsAtOnce(connection: Connection, table: string): Promise<number> {
  const { rows } = await sql<{ most: number | null }>`
    select max(octet_length(to_jsonb(one)::text)) as most from ${sql.table(table)} one`.execute(connection);
  const fitting = Math.floor(limits.backupFetchBytes / Math.max(1, rows[0]?.most ?? 0));
  return Math.min(limits.backupRowsAtOnce, Math.max(1, fitting));
}

/** Names of the migrations that the database has been through, in their order; none for a new one. */
export async function migrationsDone(database: Database): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string | null }>`
    select to_regclass('kysely_migration')::text as name`.execute(database);
  if (tables[0]?.name === null) return [];
  const { rows } = await sql<{ name: string }>`
    select name from kysely_migration order by timestamp, name`.execute(database);
  return rows.map(({ name }) => name);
}

/** Fills a database that has the tables of the dump's migrations, all or nothing. What migrations put there goes first. */
export async function loadDump(database: Database, parts: AsyncIterable<DumpPart>): Promise<void> {
  await database.transaction().execute(async (connection) => {
    const links = await foreignKeys(connection);
    for (const { link, table } of links) {
      await sql`alter table ${sql.table(table)} drop constraint ${sql.ref(link)}`.execute(connection);
    }
    for (const name of await tableNames(connection)) {
      await sql`delete from ${sql.table(name)}`.execute(connection);
    }
    let table = "";
    let rows: string[] = [];
    let characters = 0;
    const put = async (): Promise<void> => {
      if (rows.length === 0) return;
      await sql`insert into ${sql.table(table)} overriding system value
        select * from jsonb_populate_recordset(null::${sql.table(table)}, ${`[${rows.join(",")}]`}::jsonb)`.execute(
        connection,
      );
      [rows, characters] = [[], 0];
    };
    for await (const part of parts) {
      if (part.part === "row") {
        rows.push(part.json);
        characters += part.json.length;
        if (rows.length >= limits.backupRowsAtOnce || characters >= limits.backupLoadCharacters) await put();
        continue;
      }
      await put();
      if (part.part === "table") table = part.name;
      else await sql`select setval(${part.name}::regclass, ${part.value}::bigint)`.execute(connection);
    }
    await put();
    for (const { definition, link, table: of } of links) {
      await sql`alter table ${sql.table(of)} add constraint ${sql.ref(link)} ${sql.raw(definition)}`.execute(
        connection,
      );
    }
  });
}

async function tableNames(connection: Connection): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables
    where schemaname = current_schema() and tablename not like 'kysely\_%' order by 1`.execute(connection);
  return rows.map(({ name }) => name);
}

/** Tables refer to each other in circles and to themselves: no order of them would do. */
async function foreignKeys(
  connection: Connection,
): Promise<{ link: string; table: string; definition: string }[]> {
  const { rows } = await sql<{ link: string; table: string; definition: string }>`
    select c.conname as link, t.relname as table, pg_get_constraintdef(c.oid) as definition
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.contype = 'f' and t.relnamespace = current_schema()::regnamespace order by 2, 1`.execute(
    connection,
  );
  return rows;
}
