import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const sequences: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("sequence")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("file_name", "text", (column) => column.notNull())
      .addColumn("bytes", "bigint", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull())
      .addColumn("added", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("package")
      // In upper case: identifiers are compared without regard to it.
      .addColumn("package_id", "text", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("file_id", "uuid")
      .addColumn("file_name", "text")
      .addColumn("bytes", "bigint", (column) => column.notNull())
      .addColumn("hash", "text")
      .addColumn("image_id", "uuid", (column) => column.references("image.id"))
      .addColumn("driver_category", "text")
      .addColumn("programs", "jsonb", (column) => column.notNull())
      .addColumn("added", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .alterTable("deployment")
      .alterColumn("image_id", (column) => column.dropNotNull())
      .addColumn("sequence_id", "uuid", (column) => column.references("sequence.id"))
      // Null: all of the site's.
      .addColumn("packages", "jsonb")
      .addColumn("variables", "jsonb", (column) => column.notNull().defaultTo("[]"))
      .execute();
    await database.schema
      .createTable("sequence_run")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addColumn("secret_key", "text", (column) => column.notNull())
      .addColumn("run_id", "text")
      .addColumn("serial", "bigint")
      .addColumn("checkpoint", "text")
      .addPrimaryKeyConstraint("sequence_run_key", ["deployment_id", "machine_id"])
      .execute();
    await database.schema
      .createTable("state_store")
      .addColumn("machine_id", "uuid", (column) =>
        column.primaryKey().references("machine.id").onDelete("cascade"),
      )
      .addColumn("secret_key", "text", (column) => column.notNull())
      .addColumn("next_key", "text", (column) => column.notNull())
      .addColumn("file_id", "uuid")
      .addColumn("bytes", "bigint", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull())
      .addColumn("expires", "text", (column) => column.notNull())
      .execute();
  },
};
