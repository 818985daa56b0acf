import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const sessions: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("session")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("deployment_id", "uuid", (column) =>
        column.notNull().references("deployment.id").onDelete("cascade"),
      )
      .addColumn("number", "bigint", (column) => column.notNull().unique())
      .addColumn("stream", "integer", (column) => column.notNull())
      .addColumn("group_address", "text", (column) => column.notNull())
      .addColumn("port", "integer", (column) => column.notNull())
      .addColumn("mtu", "integer", (column) => column.notNull())
      .addColumn("start", "bigint", (column) => column.notNull())
      .addColumn("session_key", "text", (column) => column.notNull())
      .addColumn("feedback_secret", "text", (column) => column.notNull())
      .addColumn("feedback_port", "integer", (column) => column.notNull())
      .addColumn("unicast_port", "integer", (column) => column.notNull())
      .addColumn("next_receiver", "integer", (column) => column.notNull())
      .addColumn("multicast_bytes", "bigint", (column) => column.notNull())
      .addColumn("unicast_bytes", "bigint", (column) => column.notNull())
      .addColumn("parity_part", "double precision", (column) => column.notNull())
      .addColumn("open", "boolean", (column) => column.notNull())
      .addColumn("created", "text", (column) => column.notNull())
      .execute();
    await database.schema
      .createTable("participant")
      .addColumn("session_id", "uuid", (column) =>
        column.notNull().references("session.id").onDelete("cascade"),
      )
      .addColumn("receiver", "integer", (column) => column.notNull())
      .addColumn("machine_id", "uuid", (column) =>
        column.notNull().references("machine.id").onDelete("cascade"),
      )
      .addColumn("finished", "boolean", (column) => column.notNull())
      .addPrimaryKeyConstraint("participant_key", ["session_id", "receiver"])
      .execute();
  },
};
