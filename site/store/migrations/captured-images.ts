import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Which image a captured disk becomes. Null for what was captured before. */
export const capturedImages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema.alterTable("captured_disk").addColumn("image_id", "uuid").execute();
  },
};
