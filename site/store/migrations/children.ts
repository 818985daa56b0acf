import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Task sequences that others run as their children. */
export const children: Migration = {
  async up(database: Kysely<unknown>) {
    // In upper case: identifiers are compared without regard to it.
    await database.schema
      .alterTable("sequence")
      .addColumn("package_id", "text", (column) => column.unique())
      .execute();
    await database.schema
      .createTable("deployment_child")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("sequence_id", "uuid", (column) => column.notNull().references("sequence.id"))
      .addPrimaryKeyConstraint("deployment_child_key", ["deployment_id", "sequence_id"])
      .execute();
  },
};
