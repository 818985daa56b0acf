import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const pxe: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("deployment")
      .addColumn("purpose", "text", (column) => column.notNull().defaultTo("available"))
      .execute();
    await database.schema
      .createTable("pxe_properties")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("properties", "jsonb", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("pxe_computer")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("uuid", "text")
      .addColumn("mac", "text")
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("added", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("pxe_answer")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("computer", "text", (column) => column.notNull())
      .addColumn("answered", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("pxe_answer_key", ["deployment_id", "computer"])
      .execute();
  },
};
