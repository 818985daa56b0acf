/** A dump of the database takes what is in it in pieces of a bounded size, whatever its rows are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql, type KyselyPlugin } from "kysely";
import { limits } from "../../../../contract/limits.ts";
import { openDatabase } from "../../../../site/store/database.ts";
import { dumpDatabase } from "../../../../site/store/dump.ts";
import { backends } from "../../../fixtures/every-store.ts";

const largeRows = 12;
const smallRows = 1300;
const mebibyte = 1_048_576;

for (const { name, place } of backends()) {
  test(`rows of a MiB come some at a time, and small ones many (${name})`, async () => {
    const database = await openDatabase(await place(), () => undefined);
    try {
      await sql`create table large_one (id integer, body text)`.execute(database);
      await sql`create table small_one (id integer)`.execute(database);
      await sql`insert into large_one select one, repeat('x', ${sql.lit(mebibyte)})
        from generate_series(1, ${sql.lit(largeRows)}) one`.execute(database);
      await sql`insert into small_one select generate_series(1, ${sql.lit(smallRows)})`.execute(database);
      /** Of each answer of the database. */
      const answers: { rows: number; characters: number }[] = [];
      const watching: KyselyPlugin = {
        transformQuery: ({ node }) => node,
        transformResult: ({ result }) => {
          const rows = result.rows as { json?: string }[];
          const characters = rows.reduce((sum, { json = "" }) => sum + json.length, 0);
          answers.push({ rows: rows.length, characters });
          return Promise.resolve(result);
        },
      };
      const found = new Map<string, number>();
      let table = "";
      await dumpDatabase(database.withPlugin(watching), async (part) => {
        if (part.part === "table") table = part.name;
        if (part.part === "row") found.set(table, (found.get(table) ?? 0) + 1);
      });
      assert.deepEqual([found.get("large_one"), found.get("small_one")], [largeRows, smallRows]);
      const most = Math.max(...answers.map(({ characters }) => characters));
      assert.ok(most > mebibyte && most <= limits.backupFetchBytes, `${most} characters at once`);
      assert.ok(answers.some(({ rows }) => rows === limits.backupRowsAtOnce));
    } finally {
      await database.destroy();
    }
  });
}
