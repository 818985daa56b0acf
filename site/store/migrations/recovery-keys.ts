import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const recoveryKeys: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("recovery_key")
      .addColumn("machine_id", "uuid", (column) => column.notNull().references("machine.id"))
      .addColumn("protector", "text", (column) => column.notNull())
      .addColumn("drive", "text", (column) => column.notNull())
      .addColumn("password", "text", (column) => column.notNull())
      .addColumn("deployment", "text", (column) => column.notNull())
      .addColumn("kept", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("recovery_key_primary", ["machine_id", "protector"])
      .execute();
  },
};
