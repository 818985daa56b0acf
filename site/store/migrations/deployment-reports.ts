import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Reports of runs are kept as they were signed, whatever becomes of their machine and deployment. */
export const deploymentReports: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema.alterTable("report").addColumn("told", "jsonb").execute();
    await database.schema
      .alterTable("deployment")
      .addColumn("created_by", "text", (column) => column.notNull().defaultTo(""))
      .execute();
    await database.schema
      .createTable("deployment_report")
      .addColumn("sequence", "bigserial", (column) => column.notNull().unique())
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("machine_id", "uuid", (column) => column.notNull())
      .addColumn("machine", "text", (column) => column.notNull())
      .addColumn("deployment_id", "uuid", (column) => column.notNull())
      .addColumn("deployment", "text", (column) => column.notNull())
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("ended", "text", (column) => column.notNull())
      .addColumn("made", "text", (column) => column.notNull())
      .addColumn("ending", "uuid", (column) => column.notNull())
      .addColumn("report", "text", (column) => column.notNull())
      .addColumn("signature", "text", (column) => column.notNull())
      .addUniqueConstraint("deployment_report_ending", ["machine_id", "ending"])
      .execute();
    await database.schema
      .createIndex("deployment_report_made")
      .on("deployment_report")
      .column("made")
      .execute();
  },
};
