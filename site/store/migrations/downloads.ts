import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Sessions of shared packages have no deployment. */
export const downloads: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("session")
      .alterColumn("deployment_id", (column) => column.dropNotNull())
      .execute();
  },
};
