import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Distribution points in other buildings, and which images are copied to them. */
export const points: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .createTable("point")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("address", "text", (column) => column.notNull().unique())
      .addColumn("port", "integer")
      .addColumn("boundaries", "jsonb", (column) => column.notNull())
      .addColumn("all_images", "boolean", (column) => column.notNull())
      .addColumn("replication", "jsonb", (column) => column.notNull())
      .addColumn("properties", "jsonb", (column) => column.notNull())
      .addColumn("key_hash", "text")
      .addColumn("public_key", "text")
      .addColumn("credential_hash", "text", (column) => column.unique())
      .addColumn("credential_expires", "text")
      .addColumn("created", "text", (column) => column.notNull())
      .addColumn("enrolled", "text")
      .addColumn("last_seen", "text")
      .execute();
    await database.schema
      .createTable("point_image")
      .addColumn("point_id", "uuid", (column) => column.notNull().references("point.id").onDelete("cascade"))
      .addColumn("image_id", "uuid", (column) => column.notNull().references("image.id").onDelete("cascade"))
      .addPrimaryKeyConstraint("point_image_key", ["point_id", "image_id"])
      .execute();
  },
};
