/** What fails in the middle of opening a session leaves neither a group nor a sender behind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { DeploymentRequest } from "../../../../contract/administration.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { openStore } from "../../../../site/store/store.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting } from "../../../fixtures/fake-casting.ts";
import { fakeGroups } from "../../../fixtures/fake-groups.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

async function openPlace(context: TestContext) {
  const folder = testFolder(context);
  const store = await openStore(join(folder, "database"));
  context.after(() => store.close());
  const image = storedImage("lab");
  await store.images.add(image);
  const wish = { name: "room", imageId: image.id, machines: "all" };
  return {
    folder,
    store,
    deployment: await store.deployments.create(DeploymentRequest.parse(wish)),
    machineId: await store.machines.enrol(machineFacts("one"), "key"),
    groups: fakeGroups(),
    native: fakeCasting(),
  };
}

const full = (): Promise<never> => Promise.reject(new VolleyError("E_INTERNAL", "the database is full"));

test("a session that gets no row gives its group back", async (t) => {
  const { deployment, machineId, ...place } = await openPlace(t);
  const { groups, store } = place;
  const director = newDirector(place);
  for (const method of ["numberTaken", "add"] as const) {
    const failing = t.mock.method(store.sessions, method, full);
    await assert.rejects(director.join(machineId, deployment), { code: "E_INTERNAL" });
    failing.mock.restore();
    assert.equal(groups.given.size, 0, method);
  }
});

test("a session that cannot go on leaves no sender", async (t) => {
  const { deployment, machineId, ...place } = await openPlace(t);
  const { groups, native, store } = place;
  const first = newDirector(place);
  await first.join(machineId, deployment);
  await first.stop();
  groups.given.clear();
  const second = newDirector(place);
  const failing = t.mock.method(store.sessions, "participants", full, { times: 1 });
  await second.start();
  t.after(() => second.stop());
  assert.equal(failing.mock.callCount() > 0, true);
  assert.deepEqual(
    native.casters.map(({ stopped }) => stopped),
    [true, true],
  );
  assert.ok(second.records().every(({ state }) => state === "closed"));
  assert.equal(groups.given.size, 0);
});

test("a deployment that is closed while a join waits for its turn gets no session", async (t) => {
  const { deployment, machineId, ...place } = await openPlace(t);
  const director = newDirector(place);
  await place.store.deployments.close(deployment.id);
  await assert.rejects(director.join(machineId, deployment), { code: "E_SESSION_GONE" });
  assert.deepEqual([place.native.casters.length, place.groups.given.size], [0, 0]);
});
