import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const machines: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("credential")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("token_hash", "text", (column) => column.notNull().unique())
      .addColumn("uses_left", "integer", (column) => column.notNull())
      .addColumn("expires", "text", (column) => column.notNull())
      .addColumn("created", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("machine")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("key_hash", "text", (column) => column.notNull())
      .addColumn("identity", "text", (column) => column.unique())
      .addColumn("facts", "jsonb", (column) => column.notNull())
      .addColumn("enrolled", "text", (column) => column.notNull())
      .addColumn("last_seen", "text", (column) => column.notNull())
      .execute();
  },
};
