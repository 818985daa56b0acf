import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** A deployment may cast several images, each in a session of its own. */
export const sessionImages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("session")
      .addColumn("image_id", "uuid", (column) => column.references("image.id").onDelete("cascade"))
      .execute();
    await sql`update session set image_id = deployment.image_id
      from deployment where deployment.id = session.deployment_id`.execute(database);
    await sql`delete from session where image_id is null`.execute(database);
    await database.schema
      .alterTable("session")
      .alterColumn("image_id", (column) => column.setNotNull())
      .execute();
  },
};
