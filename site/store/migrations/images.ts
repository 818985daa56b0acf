import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const images: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("image")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("root", "text", (column) => column.notNull())
      .addColumn("bytes", "bigint", (column) => column.notNull())
      .addColumn("content_bytes", "bigint", (column) => column.notNull())
      .addColumn("smallest_disk_bytes", "bigint", (column) => column.notNull())
      .addColumn("sector_bytes", "integer", (column) => column.notNull())
      .addColumn("firmware", "integer", (column) => column.notNull())
      .addColumn("chunks", "integer", (column) => column.notNull())
      .addColumn("holes", "integer", (column) => column.notNull())
      .addColumn("imported", "text", (column) => column.notNull())
      .execute();
  },
};
