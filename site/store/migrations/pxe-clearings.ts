import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** When an administrator said that a machine is answered as if nothing had been deployed to it before. */
export const pxeClearings: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("pxe_clearing")
      .addColumn("machine_id", "uuid", (column) =>
        column.primaryKey().references("machine.id").onDelete("cascade"),
      )
      .addColumn("cleared", "text", (column) => column.notNull())
      .execute();
  },
};
