import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What the site itself has to tell, beside what machines tell, and where both are sent. */
export const siteMessages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("site_message")
      .addColumn("sequence", "bigserial", (column) => column.primaryKey())
      .addColumn("time", "text", (column) => column.notNull())
      .addColumn("message_id", "integer", (column) => column.notNull())
      .addColumn("severity", "text", (column) => column.notNull())
      .addColumn("message", "text", (column) => column.notNull())
      .addColumn("text", "text", (column) => column.notNull())
      .execute();
    await database.schema.createIndex("site_message_time").on("site_message").column("time").execute();
    await database.schema
      .createTable("webhook")
      .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
      .addColumn("url", "text", (column) => column.notNull())
      .addColumn("secret", "text", (column) => column.notNull())
      .addColumn("least", "text", (column) => column.notNull())
      // The last of each that was delivered, or is not to be.
      .addColumn("report_sequence", "bigint", (column) => column.notNull())
      .addColumn("site_sequence", "bigint", (column) => column.notNull())
      .addColumn("failures", "integer", (column) => column.notNull().defaultTo(0))
      .addColumn("problem", "text", (column) => column.notNull().defaultTo(""))
      .addColumn("delivered", "text")
      // Until then another process sends, or the receiver is left alone.
      .addColumn("not_before", "text", (column) => column.notNull())
      .execute();
  },
};
