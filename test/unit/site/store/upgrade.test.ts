/** A database of an earlier version: kept before it changes, brought up to date or left as it was. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { makeDatabase, openDatabase } from "../../../../site/store/database.ts";
import type { Database } from "../../../../site/store/schema.ts";
import { dumpDatabase, loadDump, migrationsDone, type DumpPart } from "../../../../site/store/dump.ts";
import { knownMigrations } from "../../../../site/store/migrations/index.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { storedImage } from "../../../fixtures/records.ts";
import { ImageStore } from "../../../../site/store/images.ts";

const earlier = knownMigrations.slice(0, -1);
const open = (folder: string, before?: (database: Database) => Promise<void>): Promise<Database> =>
  openDatabase(folder, () => undefined, { ...(before && { beforeUpgrade: before }) });

test("what was there is offered to be kept before it is brought up to date, and only then", async (context) => {
  const folder = join(testFolder(context), "database");
  const old = await makeDatabase(folder, earlier);
  await sql`insert into collection (id, name, created) values (gen_random_uuid(), 'lab', '2026')`.execute(
    old,
  );
  await old.destroy();
  const asked: string[][] = [];
  const keep = async (database: Database): Promise<void> => {
    asked.push(await migrationsDone(database));
  };
  const upgraded = await open(folder, keep);
  const { rows } = await sql<{ name: string }>`select name from collection`.execute(upgraded);
  assert.deepEqual(rows, [{ name: "lab" }]);
  await upgraded.destroy();
  await (await open(folder, keep)).destroy();
  assert.deepEqual(asked, [earlier]);
});

test("what cannot be kept or brought up to date stays as it was, and says so", async (context) => {
  const folder = join(testFolder(context), "database");
  // What a step makes is in its way.
  const missing = "0020-wake";
  const old = await makeDatabase(
    folder,
    knownMigrations.filter((name) => name < missing),
  );
  await sql`alter table deployment add column wake text`.execute(old);
  const done = await migrationsDone(old);
  await old.destroy();
  const refuse = async (): Promise<void> => {
    throw new Error("no room");
  };
  await assert.rejects(open(folder, refuse), { code: "E_STORE" });
  await assert.rejects(open(folder), (error: { code: string; detail: string }) => {
    assert.equal(error.code, "E_UPGRADE");
    assert.match(error.detail, /as it was: step 0020-wake: .*already exists/);
    return true;
  });
  const same = await makeDatabase(
    folder,
    knownMigrations.filter((name) => name < missing),
  );
  assert.deepEqual(await migrationsDone(same), done);
  await same.destroy();
});

test("a database that a newer version has used is not touched", async (context) => {
  const folder = join(testFolder(context), "database");
  const newer = await open(folder);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-newer', '2999')`.execute(newer);
  await newer.destroy();
  await assert.rejects(open(folder), { code: "E_UPGRADE" });
});

test("a dump fills another database with the same rows, whatever refers to what, and counters go on", async (context) => {
  const parent = testFolder(context);
  const from = await open(join(parent, "from"));
  context.after(() => from.destroy());
  const images = new ImageStore(from);
  const large = { ...storedImage("1 'line'\nand a \\ and ü"), bytes: Number.MAX_SAFE_INTEGER };
  await images.add(large);
  await sql`insert into collection (id, name, created, rule)
    select gen_random_uuid(), 'c' || n, now()::text, '{"all":[]}' from generate_series(1, 1200) n`.execute(
    from,
  );
  const entry = sql`insert into audit_entry (kind, who, address, action, target, outcome, time)
    values ('local', 'me', '::1', 'POST', '', 'done', ${new Date().toISOString()})`;
  await entry.execute(from);
  const parts: DumpPart[] = [];
  await dumpDatabase(from, async (part) => void parts.push(part));
  const into = await makeDatabase(join(parent, "into"), await migrationsDone(from));
  context.after(() => into.destroy());
  await loadDump(
    into,
    (async function* () {
      yield* parts;
    })(),
  );
  assert.deepEqual(await new ImageStore(into).list(), [large]);
  const again: DumpPart[] = [];
  await dumpDatabase(into, async (part) => void again.push(part));
  assert.deepEqual(again, parts);
  // Neither a number that was given before nor a row that refers to nothing.
  await entry.execute(into);
  await assert.rejects(
    sql`insert into collection_device values (gen_random_uuid(), gen_random_uuid())`.execute(into),
  );
});
