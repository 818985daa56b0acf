/** A connection to a PostgreSQL server that breaks while it is used is a query's failure, and nobody's end. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import { serverDialect, type DatabaseServer } from "../../../../site/store/server-database.ts";
import { PostgresServer } from "../../../fixtures/postgres-server.ts";
import { waitFor } from "../../../fixtures/program.ts";

let server: PostgresServer;
let place: DatabaseServer;
let database: Kysely<unknown>;
before(async () => {
  server = await PostgresServer.start();
  place = await server.database();
  database = new Kysely<unknown>({ dialect: serverDialect(place) });
});
after(async () => {
  await database.destroy();
  await server.stop();
});

const sleeps = sql`select pg_sleep(300)`;
const terminate = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'volley' and pid <> pg_backend_pid() and query like '%pg_sleep(300)%'`;
const answers = async (): Promise<void> => {
  assert.equal((await sql<{ one: number }>`select 1 as one`.execute(database)).rows[0]?.one, 1);
};
/** What nobody listens to would end the process, and fails this file. */
const settle = () => delay(200);

for (const [title, asked] of [
  ["in a query", () => sleeps.execute(database)],
  ["in a transaction", () => database.transaction().execute((transaction) => sleeps.execute(transaction))],
] as const) {
  test(`a connection that breaks ${title} is E_STORE, and the next query has another`, async () => {
    const failing = assert.rejects(asked(), { code: "E_STORE" });
    let isBroken = false;
    void failing.finally(() => (isBroken = true));
    // Again, for what is ended first may be what an earlier test left.
    await waitFor(async () => (await server.query(place, terminate)).length === 0 && isBroken, {
      what: "end of the query",
    });
    await failing;
    await settle();
    await answers();
  });
}

test("a transaction that was idle when its connection broke is E_STORE", async () => {
  const failing = database.transaction().execute(async (transaction) => {
    await sql`select 'pg_sleep(300)'`.execute(transaction);
    assert.equal((await server.query(place, terminate)).length, 1);
    await settle();
    await sql`select 1`.execute(transaction);
  });
  await assert.rejects(failing, { code: "E_STORE" });
  await answers();
});
