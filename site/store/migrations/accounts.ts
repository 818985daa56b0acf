import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const accounts: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("account")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("password", "jsonb", (column) => column.notNull())
      .addColumn("must_change", "boolean", (column) => column.notNull())
      .addColumn("disabled", "boolean", (column) => column.notNull())
      .addColumn("created", "text", (column) => column.notNull())
      .addColumn("last_sign_in", "text")
      .execute();
    await database.schema
      .createTable("page_session")
      .addColumn("token_hash", "text", (column) => column.primaryKey())
      .addColumn("account_id", "uuid", (column) =>
        column.notNull().references("account.id").onDelete("cascade"),
      )
      .addColumn("created", "text", (column) => column.notNull())
      .addColumn("expires", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("api_token")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("token_hash", "text", (column) => column.notNull().unique())
      .addColumn("created", "text", (column) => column.notNull())
      .addColumn("created_by", "text", (column) => column.notNull())
      .addColumn("expires", "text", (column) => column.notNull())
      .addColumn("last_used", "text")
      .execute();
    await auditTable(database);
  },
};

/** The database itself refuses to change an entry, and to remove one that is younger than a year. */
async function auditTable(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable("audit_entry")
    .addColumn("sequence", "bigserial", (column) => column.primaryKey())
    .addColumn("time", "text", (column) => column.notNull())
    .addColumn("who", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("action", "text", (column) => column.notNull())
    .addColumn("target", "text", (column) => column.notNull())
    .addColumn("outcome", "text", (column) => column.notNull())
    .execute();
  await database.schema.createIndex("audit_entry_time").on("audit_entry").column("time").execute();
  await sql`
    create function audit_entry_stays() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        if old.time::timestamptz < now() - interval '365 days' then return old; end if;
      end if;
      raise exception 'entries of the audit log stay as they are';
    end $$`.execute(database);
  await sql`
    create trigger audit_entry_stays before update or delete on audit_entry
    for each row execute function audit_entry_stays()`.execute(database);
  await sql`
    create trigger audit_table_stays before truncate on audit_entry
    for each statement execute function audit_entry_stays()`.execute(database);
}
