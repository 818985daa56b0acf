import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What the INF files of packages of drivers say, so that a machine is given those that its devices need. */
export const driverCatalogue: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("package")
      .addColumn("drivers_read", "boolean", (column) => column.notNull().defaultTo(false))
      .execute();
    await database.schema
      .createTable("driver")
      .addColumn("package_id", "text", (column) =>
        column.notNull().references("package.package_id").onDelete("cascade"),
      )
      .addColumn("path", "text", (column) => column.notNull())
      .addColumn("provider", "text", (column) => column.notNull())
      .addColumn("class_name", "text", (column) => column.notNull())
      .addColumn("date", "text", (column) => column.notNull())
      .addColumn("version", "text", (column) => column.notNull())
      .addColumn("identifiers", "integer", (column) => column.notNull())
      .addPrimaryKeyConstraint("driver_key", ["package_id", "path"])
      .execute();
    await database.schema
      .createTable("driver_identifier")
      // In capitals.
      .addColumn("identifier", "text", (column) => column.notNull())
      .addColumn("package_id", "text", (column) => column.notNull())
      .addColumn("path", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("driver_identifier_key", ["identifier", "package_id", "path"])
      .addForeignKeyConstraint(
        "driver_identifier_of",
        ["package_id", "path"],
        "driver",
        ["package_id", "path"],
        (constraint) => constraint.onDelete("cascade"),
      )
      .execute();
    await database.schema
      .createIndex("driver_identifier_driver")
      .on("driver_identifier")
      .columns(["package_id", "path"])
      .execute();
  },
};
