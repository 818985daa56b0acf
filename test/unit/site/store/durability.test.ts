/** What the store says is committed is on the disk. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { openStore } from "../../../../site/store/store.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { Program, waitFor } from "../../../fixtures/program.ts";
import { random, testSeed } from "../../../fixtures/random.ts";

const commitRows = fileURLToPath(new URL("../../../fixtures/commit-rows.js", import.meta.url));

const credential = (id: string) => ({ id, tokenHash: id, uses: 1, expires: "2100-01-01T00:00:00.000Z" });
const identifier = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** `before` is called before each fsync, and what it throws is what that one fails with. */
function watchSyncs(context: TestContext, before: () => void | Promise<void>): void {
  const { fsync, fsyncSync } = fs;
  const inTurn = async (descriptor: number, done: (error: Error | null) => void): Promise<void> => {
    try {
      await before();
    } catch (error) {
      return done(error as Error);
    }
    fsync(descriptor, done);
  };
  fs.fsync = ((descriptor: number, done: (error: Error | null) => void) =>
    void inTurn(descriptor, done)) as typeof fs.fsync;
  fs.fsyncSync = (descriptor) => {
    void before();
    fsyncSync(descriptor);
  };
  syncBuiltinESMExports();
  context.after(() => {
    Object.assign(fs, { fsync, fsyncSync });
    syncBuiltinESMExports();
  });
}

test("a commit waits for fsync, and a commit whose fsync fails is no commit", async (context) => {
  const folder = join(testFolder(context), "database");
  const store = await openStore(folder);
  for (const setting of ["fsync", "full_page_writes", "synchronous_commit"]) {
    const { rows } = await sql<Record<string, string>>`SHOW ${sql.raw(setting)}`.execute(store.database);
    assert.equal(rows[0]?.[setting], "on", setting);
  }

  let count = 0;
  let failing = false;
  watchSyncs(context, () => {
    count += 1;
    if (failing) throw Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
  });
  const commits = 20;
  for (let number = 0; number < commits; number += 1) {
    await store.credentials.add(credential(identifier(number)));
  }
  assert.ok(count >= commits, `${count} fsyncs for ${commits} commits`);
  failing = true;
  await assert.rejects(store.credentials.add(credential(identifier(commits))), { code: "E_STORE" });
  failing = false;
  // PostgreSQL has stopped: nothing is answered as if it had not.
  await assert.rejects(store.credentials.use("any"), { code: "E_STORE" });
  assert.match((await store.failed).detail, /EIO/);
  await store.close();
});

test("commits that come together share an fsync, and none is answered before the one that it needs", async (context) => {
  const store = await openStore(join(testFolder(context), "database"));
  context.after(() => store.close());
  let count = 0;
  let open: () => void = () => undefined;
  let gate: Promise<void> = new Promise((resolve) => {
    open = resolve;
  });
  watchSyncs(context, () => {
    count += 1;
    return gate;
  });
  const answered: number[] = [];
  const commits = Array.from({ length: 40 }, (_, number) =>
    store.credentials.add(credential(identifier(number))).then(() => answered.push(number)),
  );
  const counted = () => store.database.selectFrom("credential").select("id").execute();
  await waitFor(async () => (await counted()).length === 40, { what: "commits", story: () => "" });
  assert.equal(answered.length, 0, "what is not on the disk is not answered");
  // The same once more is no commit, and waits for the one that it found.
  const again = store.database
    .insertInto("credential")
    .values({ id: identifier(0), token_hash: "x", uses_left: 1, expires: "2100", created: "2020" })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
    .then(() => answered.push(-1));
  await counted();
  assert.equal(answered.length, 0);
  gate = Promise.resolve();
  open();
  await Promise.all([...commits, again]);
  assert.equal(answered.length, 41);
  assert.ok(count < 40, `${count} fsyncs for 40 commits`);
});

test("a log that cannot be written is the end of the database, which is said and hangs nobody", async (context) => {
  const store = await openStore(join(testFolder(context), "database"));
  await store.credentials.add(credential(identifier(1)));
  const { writeSync } = fs;
  const full = (...[descriptor, ...rest]: Parameters<typeof writeSync>): number => {
    if (!/pg_wal/.test(fs.readlinkSync(`/proc/self/fd/${descriptor}`))) return writeSync(descriptor, ...rest);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", errno: -28 });
  };
  fs.writeSync = full as typeof fs.writeSync;
  syncBuiltinESMExports();
  try {
    const commits = [2, 3, 4].map((number) => store.credentials.add(credential(identifier(number))));
    await Promise.all(commits.map((commit) => assert.rejects(commit, { code: "E_STORE" })));
  } finally {
    Object.assign(fs, { writeSync });
    syncBuiltinESMExports();
  }
  await assert.rejects(store.database.selectFrom("credential").select("id").execute(), { code: "E_STORE" });
  assert.match((await store.failed).detail, /could not write to log file/);
  await store.close();
});

test("a file is cut short only by a commit that is on the disk", async (context) => {
  const store = await openStore(join(testFolder(context), "database"));
  context.after(() => store.close());
  const run = (text: string) => sql.raw(text).execute(store.database);
  await run("create table cut (number int)");
  await run("insert into cut select generate_series(1, 5000)");
  await run("checkpoint");
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const events: string[] = [];
  watchSyncs(context, () => gate);
  const { fsyncSync, ftruncateSync, truncateSync } = fs;
  Object.assign(fs, {
    fsyncSync: (descriptor: number) => {
      fsyncSync(descriptor);
      events.push("log");
    },
    ftruncateSync: (...parts: Parameters<typeof ftruncateSync>) => {
      events.push("cut");
      ftruncateSync(...parts);
    },
    truncateSync: (...parts: Parameters<typeof truncateSync>) => {
      events.push("cut");
      truncateSync(...parts);
    },
  });
  syncBuiltinESMExports();
  context.after(() => {
    Object.assign(fs, { ftruncateSync, truncateSync });
    syncBuiltinESMExports();
  });
  const cut = run("truncate cut");
  await waitFor(async () => events.includes("cut"), { what: "shorter file", story: () => events.join(" ") });
  open();
  await cut;
  assert.equal(events[0], "log", events.join(" "));
});

test("rows committed before SIGKILL are there afterwards, kill after kill", async (context) => {
  const folder = join(testFolder(context), "database");
  const next = random(testSeed("kill a store"));
  await (await openStore(folder)).close();
  const committed: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    const program = new Program("commit rows", [process.execPath, commitRows, folder]);
    await waitFor(() => program.output.includes("\n"), {
      what: "first commit",
      story: () => program.story(),
    });
    await delay(next() * 400);
    await program.kill();
    committed.push(...program.output.split("\n").slice(0, -1));
  }
  const store = await openStore(folder);
  context.after(() => store.close());
  const rows = await store.database.selectFrom("credential").select("id").execute();
  const present = new Set(rows.map((row) => row.id));
  const lost = committed.filter((id) => !present.has(id));
  assert.deepEqual(lost, []);
  // One more may be there in each round: committed, and killed before it was said.
  assert.ok(rows.length - committed.length <= 3, `${rows.length} rows for ${committed.length} commits`);
  assert.ok(committed.length >= 3);
});

test("a database that was cut while it was made is made anew, and tables are made once", async (context) => {
  const folder = join(testFolder(context), "database");
  fs.mkdirSync(join(folder, "base"), { recursive: true });
  fs.writeFileSync(join(folder, "PG_VERSION"), "17\n");
  const first = await openStore(folder);
  await first.credentials.add(credential(identifier(1)));
  await first.close();
  const second = await openStore(folder);
  assert.equal((await second.database.selectFrom("credential").select("id").execute()).length, 1);
  await second.close();
});
