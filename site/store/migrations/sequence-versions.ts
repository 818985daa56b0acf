import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** An upload of a known name is a version of its own, and what the agent's check said is kept with it. */
export const sequenceVersions: Migration = {
  async up(database: Kysely<unknown>) {
    for (const constraint of ["sequence_name_key", "sequence_package_id_key"]) {
      await database.schema.alterTable("sequence").dropConstraint(constraint).execute();
    }
    await database.schema
      .alterTable("sequence")
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      // Text: it is handed on as it came.
      .addColumn("check_json", "text")
      .addColumn("unchecked", "text", (column) =>
        column.notNull().defaultTo("It was taken before sequences were checked."),
      )
      .execute();
    await database.schema
      .createIndex("sequence_version")
      .unique()
      .on("sequence")
      .columns(["name", "version"])
      .execute();
    await database.schema
      .alterTable("deployment")
      .addColumn("sequence_latest", "boolean", (column) => column.notNull().defaultTo(false))
      .execute();
    await database.schema
      .createTable("sequence_hold")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addColumn("sequence_id", "uuid", (column) => column.notNull().references("sequence.id"))
      .addPrimaryKeyConstraint("sequence_hold_key", ["deployment_id", "machine_id"])
      .execute();
  },
};
