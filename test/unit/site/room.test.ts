/** What the room shows of machines while it reads only those that have changed. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "../../../site/log.ts";
import { RoomBoard } from "../../../site/room.ts";
import { openStore } from "../../../site/store/store.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { machineFacts } from "../../fixtures/records.ts";

test("the room shows machines as they are, also those that are told of one by one", async (context) => {
  const store = await openStore(join(testFolder(context), "database"));
  context.after(() => store.close());
  const { machines } = store;
  const read: (number | "all")[] = [];
  let failing = false;
  const list: typeof machines.list = async (ids) => {
    read.push(ids?.length ?? "all");
    if (failing) throw new Error("the database is away");
    return await machines.list(ids);
  };
  const watched = Object.assign(Object.create(machines) as typeof machines, { list });
  const room = new RoomBoard({
    store: { ...store, machines: watched },
    sessions: () => [],
    waiting: () => Promise.resolve([]),
    point: () => assert.fail("there is none"),
    log: openLog({ file: null, quiet: true }),
  });
  const names = async () => (await room.machines()).map(({ facts }) => facts.name);
  const enrol = (name: string, smbiosUuid: string) =>
    machines.enrol({ ...machineFacts(name), smbiosUuid }, randomUUID());

  const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
  const first = await enrol("one", one);
  await enrol("two", two);
  assert.deepEqual(await names(), ["one", "two"]);
  const third = await enrol("three", three);
  room.changed("machines", third);
  assert.deepEqual(await names(), ["one", "two", "three"]);
  assert.deepEqual(await names(), ["one", "two", "three"]);
  assert.deepEqual(read, ["all", 1]);
  assert.deepEqual(
    (await machines.list([third])).map(({ id }) => id),
    [third],
    "those alone",
  );

  // A read that failed is made up for, together with what changed since.
  await machines.enrol({ ...machineFacts("uno"), smbiosUuid: one }, randomUUID(), { machineId: first });
  room.changed("machines", first);
  failing = true;
  await assert.rejects(room.machines(), /away/);
  failing = false;
  room.changed("machines", third);
  assert.deepEqual(await names(), ["uno", "two", "three"]);
  assert.deepEqual(read, ["all", 1, 1, 2]);
  room.changed("machines");
  await names();
  assert.equal(read.at(-1), "all");
});
