import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const multicastOnly: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("deployment")
      .addColumn("multicast_only", "boolean", (column) => column.notNull().defaultTo(false))
      .execute();
    await database.schema
      .alterTable("participant")
      .addColumn("moved", "text", (column) => column.notNull().defaultTo(""))
      .execute();
  },
};
