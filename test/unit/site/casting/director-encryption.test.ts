/** Which sessions are encrypted, that they stay so, and who is not let into them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DeploymentRequest } from "../../../../contract/administration.ts";
import { defaultProperties } from "../../../../site/casting/properties.ts";
import { openStore } from "../../../../site/store/store.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting, type FakeCasting } from "../../../fixtures/fake-casting.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

test("a session is what its image and the point say when it opens, to its end and over a restart", async (t) => {
  const folder = testFolder(t);
  const store = await openStore(join(folder, "database"));
  const properties = { current: defaultProperties };
  const direct = (native: FakeCasting) => newDirector({ store, folder, native, properties });
  const [secret, plain] = [{ ...storedImage("secret"), encrypt: true }, storedImage("plain")];
  await store.images.add(secret);
  await store.images.add({ ...plain, root: "b".repeat(64) });
  const deployment = await store.deployments.create(
    DeploymentRequest.parse({ name: "both", imageId: plain.id, machines: "all" }),
  );
  const machine = await store.machines.enrol(machineFacts("one"), "key 1");
  const old = await store.machines.enrol(machineFacts("two"), "key 2");
  const native = fakeCasting();
  const director = direct(native);
  await director.start();
  const joins = (machineId: string, imageId: string, encryption: boolean) =>
    director.join(machineId, deployment, { imageId, encryption });

  const refusal = { code: "E_CONFLICT", message: /secret is cast encrypted, and this version of the agent/ };
  await assert.rejects(joins(old, secret.id, false), refusal);
  assert.equal(native.casters.length, 0, "nothing is opened for who is not let in");
  assert.equal((await joins(machine, secret.id, true)).session.encrypted, true);
  await assert.rejects(joins(old, secret.id, false), refusal);
  assert.equal((await joins(old, plain.id, false)).session.encrypted, false);
  assert.deepEqual(
    native.casters.map(({ options }) => options.encrypted),
    [true, false],
  );

  // What is said later counts for sessions that are opened later.
  await store.images.setCasting(secret.id, { encrypt: false });
  properties.current = { ...defaultProperties, encrypt: true };
  assert.equal((await joins(machine, secret.id, true)).session.encrypted, true);
  assert.equal((await joins(old, plain.id, false)).session.encrypted, false);
  await director.stop();
  const again = fakeCasting();
  const next = direct(again);
  await next.start();
  const encrypted = new Map(next.records().map((session) => [session.imageName, session.encrypted]));
  assert.deepEqual([encrypted.get("secret"), encrypted.get("plain")], [true, false]);
  assert.deepEqual(new Set(again.casters.map(({ options }) => options.encrypted)), new Set([true, false]));
  await next.closeDeployment(deployment.id);

  const later = await store.deployments.create(
    DeploymentRequest.parse({ name: "later", imageId: plain.id, machines: "all" }),
  );
  assert.equal((await next.join(machine, later)).session.encrypted, true, "the point encrypts everything");
  await next.stop();
  await store.close();
});
