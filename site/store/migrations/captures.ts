import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const captures: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("captured_disk")
      .addColumn("upload_id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("file", "text", (column) => column.notNull())
      .addColumn("open", "boolean", (column) => column.notNull())
      .addColumn("added", "text", (column) => column.notNull())
      .execute();
  },
};
