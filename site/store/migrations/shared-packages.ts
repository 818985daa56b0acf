import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const sharedPackages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("package")
      .addColumn("shared", "boolean", (column) => column.notNull().defaultTo(false))
      .execute();
  },
};
