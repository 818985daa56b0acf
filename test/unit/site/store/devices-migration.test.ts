/** Machines and computers of an earlier version become devices, each of them one, and keep what they had. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "../../../../site/store/migrations/index.ts";
import type { Tables } from "../../../../site/store/schema.ts";
import { machineFacts } from "../../../fixtures/records.ts";

test("devices are made of what was there", async (t) => {
  const database = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: await PGlite.create() }) });
  t.after(() => database.destroy());
  const migrator = new Migrator({ db: database, provider: migrations });
  assert.equal((await migrator.migrateTo("0014-accounts")).error, undefined);
  const enrolled = new Date().toISOString();
  const uuid = randomUUID();
  const addMachine = async (name: string, more: object): Promise<string> => {
    const id = randomUUID();
    const facts = JSON.stringify({ ...machineFacts(name), ...more });
    const variables = JSON.stringify([{ name: "Of", value: name, hidden: false }]);
    await sql`insert into machine (id, key_hash, facts, variables, enrolled, last_seen)
      values (${id}, ${name}, ${facts}, ${variables}, ${enrolled}, ${enrolled})`.execute(database);
    return id;
  };
  const addComputer = async (name: string, wanted: { uuid?: string; mac?: string; state: string }) => {
    const { mac = null, state, uuid: number = null } = wanted;
    await sql`insert into pxe_computer (id, name, uuid, mac, state, added)
      values (${randomUUID()}, ${name}, ${number}, ${mac}, ${state}, ${enrolled})`.execute(database);
  };
  const mac = "52:54:00:00:00:01";
  const byUuid = await addMachine("by uuid", { smbiosUuid: uuid.toUpperCase() });
  const byMac = await addMachine("by mac", { macAddresses: ["52:54:00:00:00:09", mac] });
  const twin = await addMachine("twin", { macAddresses: [mac] });
  const alone = await addMachine("alone", {});
  await addComputer("told by uuid", { uuid, state: "refused" });
  await addComputer("told by mac", { mac, state: "waiting" });
  await addComputer("only told", { mac: "52:54:00:00:00:02", state: "waiting" });
  assert.equal((await migrator.migrateToLatest()).error, undefined);

  const devices = await database.selectFrom("device").selectAll().execute();
  const of = (machineId: string) => devices.filter((one) => one.machine_id === machineId);
  for (const id of [byUuid, byMac, twin, alone]) assert.equal(of(id).length, 1);
  assert.equal(devices.length, 5);
  assert.deepEqual([of(byUuid)[0]?.name, of(byUuid)[0]?.state], ["told by uuid", "refused"]);
  const told = devices.find(({ name }) => name === "told by mac");
  assert.ok(told?.machine_id === byMac || told?.machine_id === twin);
  assert.equal(told?.state, "approved");
  assert.equal(of(alone)[0]?.variables[0]?.value, "alone");
  assert.equal(devices.find(({ name }) => name === "only told")?.state, "waiting");
});
