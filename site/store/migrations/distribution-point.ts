import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Properties of the distribution point, sessions that wait to start, and why sessions ended. */
export const distributionPoint: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("distribution_point")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("properties", "jsonb", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("session_wait")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("image_id", "uuid", (column) => column.notNull())
      .addColumn("first_request", "text", (column) => column.notNull())
      .addColumn("released", "boolean", (column) => column.notNull().defaultTo(false))
      .addPrimaryKeyConstraint("session_wait_key", ["deployment_id", "image_id"])
      .execute();
    await database.schema
      .alterTable("session")
      .addColumn("ended", "text")
      .addColumn("end_reason", "text")
      .addColumn("end_detail", "text", (column) => column.notNull().defaultTo(""))
      .execute();
    await sql`update session set end_reason = 'unknown', ended = created where not open`.execute(database);
  },
};
