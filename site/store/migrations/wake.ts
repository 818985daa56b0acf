import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const wake: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("deployment")
      .addColumn("wake", "boolean", (column) => column.notNull().defaultTo(false))
      .addColumn("woken", "text")
      .execute();
  },
};
