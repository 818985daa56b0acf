/** A deployment that casts several images: a session for each, and a machine in one of them at a time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { DeploymentRecord } from "../../../../contract/administration.ts";
import { openStore } from "../../../../site/store/store.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting, type FakeCasting } from "../../../fixtures/fake-casting.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

test("each image has a session of its own, which outlives a restart; a machine takes one at a time", async (t) => {
  const folder = testFolder(t);
  const store = await openStore(join(folder, "database"));
  const direct = (native: FakeCasting) => newDirector({ store, folder, native });
  const [system, data] = [storedImage("system"), storedImage("data")];
  await store.images.add(system);
  await store.images.add({ ...data, root: "b".repeat(64) });
  const request = { imageId: system.id, machines: "all", disk: { removable: false }, sequenceId: null };
  const wish = {
    ...request,
    packages: "all",
    variables: [],
    unattended: true,
    multicast: true,
    rateMbps: 80,
  };
  const slowClients = { policy: "none" };
  const deployment: DeploymentRecord = await store.deployments.create({
    ...wish,
    name: "both",
    multicastOnly: false,
    slowClients,
    purpose: "required",
  } as unknown as Parameters<typeof store.deployments.create>[0]);
  const one = await store.machines.enrol(machineFacts("one"), "key 1");
  const two = await store.machines.enrol(machineFacts("two"), "key 2");
  const director = direct(fakeCasting());
  await director.start();
  const first = await director.join(one, deployment);
  const second = await director.join(one, deployment, { imageId: data.id });
  assert.notEqual(first.session.id, second.session.id);
  assert.equal((await director.join(two, deployment, { imageId: system.id })).session.id, first.session.id);
  const sessions = await store.sessions.listOpen();
  assert.deepEqual(sessions.map(({ imageId }) => imageId).toSorted(), [system.id, data.id].toSorted());
  const finished = async (session: string): Promise<boolean[]> =>
    (await store.sessions.participants([session])).map((row) => row.finished);
  assert.deepEqual(
    await finished(first.session.id),
    [true, false],
    "the first machine is done with the first",
  );
  assert.deepEqual(await finished(second.session.id), [false]);
  assert.ok(director.takesPart(one, deployment.id) && director.takesPart(two, deployment.id));
  assert.deepEqual(
    director.records().map(({ imageName }) => imageName),
    ["system", "data"],
  );
  assert.deepEqual(await store.images.users(data.id), ["both"], "what is being cast is in use");
  await director.stop();
  const native = fakeCasting();
  const again = direct(native);
  await again.start();
  assert.deepEqual(
    native.casters.map(({ options }) => options.contentPath).toSorted(),
    [system.id, data.id].map((id) => join(folder, id)).toSorted(),
  );
  await again.closeDeployment(deployment.id);
  assert.deepEqual(await store.sessions.listOpen(), []);
  await again.stop();
  await store.close();
});
