import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const statuses: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema.alterTable("report").addColumn("detail", "jsonb").execute();
  },
};
