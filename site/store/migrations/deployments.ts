import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const deployments: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("deployment")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("image_id", "uuid", (column) => column.notNull().references("image.id"))
      .addColumn("all_machines", "boolean", (column) => column.notNull())
      .addColumn("disk", "jsonb", (column) => column.notNull())
      .addColumn("unattended", "boolean", (column) => column.notNull())
      .addColumn("multicast", "boolean", (column) => column.notNull())
      .addColumn("rate_mbps", "double precision", (column) => column.notNull())
      .addColumn("open", "boolean", (column) => column.notNull())
      .addColumn("created", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("deployment_machine")
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addPrimaryKeyConstraint("deployment_machine_key", ["deployment_id", "machine_id"])
      .execute();
    await database.schema
      .createTable("assignment")
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("plan", "jsonb")
      .addColumn("outcome", "jsonb")
      .addColumn("error", "jsonb")
      .addColumn("notice", "text", (column) => column.notNull())
      .addColumn("updated", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("assignment_key", ["machine_id", "deployment_id"])
      .execute();
    // A report names its deployment without referring to it: it is acknowledged also when that is gone by now.
    await database.schema
      .createTable("report")
      .addColumn("sequence", "bigserial", (column) => column.notNull().unique())
      .addColumn("id", "uuid", (column) => column.notNull())
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addColumn("deployment_id", "uuid", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("time", "text", (column) => column.notNull())
      .addColumn("received", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("report_key", ["machine_id", "id"])
      .execute();
  },
};
