import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What is cast may have to be encrypted, and a session goes on as it began. */
export const encryption: Migration = {
  async up(database: Kysely<unknown>) {
    for (const [table, column] of [
      ["image", "encrypt"],
      ["package", "encrypt"],
      ["session", "encrypted"],
    ] as const) {
      await database.schema
        .alterTable(table)
        .addColumn(column, "boolean", (added) => added.notNull().defaultTo(false))
        .execute();
    }
  },
};
