/** Migrations run in the order of their keys: a database that has the later ones takes none that sorts before them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { migrations } from "../../../../site/store/migrations/index.ts";

test("the keys of migrations ascend as they are written, and none is there twice", async () => {
  const keys = Object.keys(await migrations.getMigrations());
  assert.deepEqual(keys, [...new Set(keys)].toSorted());
  // Text sorts as numbers do only where all have the same length.
  for (const key of keys) assert.match(key, /^\d{4}-[a-z]+(-[a-z]+)*$/);
});
