import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const deviceVariables: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("machine")
      .addColumn("variables", "jsonb", (column) => column.notNull().defaultTo("[]"))
      .execute();
  },
};
