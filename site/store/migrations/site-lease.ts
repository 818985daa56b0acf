import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Which of the processes that share a database serves, until when, and which shared folder is this database's. */
export const siteLease: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("site_lease")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("site_id", "uuid", (column) => column.notNull())
      .addColumn("holder", "uuid")
      .addColumn("process", "jsonb")
      .addColumn("location", "jsonb")
      .addColumn("until", "timestamptz")
      .execute();
  },
};
