import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Packages are cast too, and what is cast may say by which ways. */
export const contentMulticast: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("image")
      .addColumn("purpose", "text", (column) => column.notNull().defaultTo("image"))
      .addColumn("multicast", "text", (column) => column.notNull().defaultTo("allowed"))
      .execute();
    await database.schema
      .alterTable("package")
      .addColumn("multicast", "text", (column) => column.notNull().defaultTo("no"))
      .execute();
  },
};
