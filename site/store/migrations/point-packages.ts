import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Which packages are copied to distribution points in other buildings. */
export const pointPackages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("point")
      .addColumn("all_packages", "boolean", (column) => column.notNull().defaultTo(false))
      .execute();
    await database.schema
      .createTable("point_package")
      .addColumn("point_id", "uuid", (column) => column.notNull().references("point.id").onDelete("cascade"))
      .addColumn("package_id", "text", (column) =>
        column.notNull().references("package.package_id").onDelete("cascade"),
      )
      .addPrimaryKeyConstraint("point_package_key", ["point_id", "package_id"])
      .execute();
  },
};
