import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const slowClients: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema.alterTable("deployment").addColumn("slow_clients", "jsonb").execute();
  },
};
