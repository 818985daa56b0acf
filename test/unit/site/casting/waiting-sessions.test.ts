/** Scheduled multicast by the clock that is given: when a session starts, who is missing, and what a restart leaves. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord } from "../../../../contract/administration.ts";
import { limits } from "../../../../contract/limits.ts";
import { defaultProperties, PointProperties } from "../../../../site/casting/properties.ts";
import { WaitingSessions } from "../../../../site/casting/waiting-sessions.ts";
import { openStore, type Store } from "../../../../site/store/store.ts";
import { waitingRecords } from "../../../../site/waiting-records.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting } from "../../../fixtures/fake-casting.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

let folder: string;
let store: Store;
let made = 0;
const minuteMs = 60_000;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "volley-waiting-"));
  store = await openStore(join(folder, "database"));
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const scheduled = { ...defaultProperties, scheduled: true, startDelayMinutes: 15, minimumClients: 3 };

async function newDeployment(machines: string[]): Promise<DeploymentRecord> {
  const image = storedImage(`image ${(made += 1)}`);
  await store.images.add(image);
  return await store.deployments.create({
    name: `deployment ${made}`,
    imageId: image.id,
    sequenceId: null,
    packages: "all",
    variables: [],
    machines,
    disk: { removable: false },
    unattended: true,
    purpose: "available",
    multicast: true,
    multicastOnly: false,
    rateMbps: 0,
    slowClients: { policy: "none" },
  });
}
const enrol = (name: string): Promise<string> =>
  store.machines.enrol(machineFacts(name), `key ${(made += 1)}`);
const castOf = (deployment: DeploymentRecord) => ({ deployment, imageId: deployment.imageId ?? "" });

test("a session starts with its minimum size or after its delay, whichever comes first, and says who is missing", async () => {
  const names = ["pc-1", "pc-2", "pc-3", "pc-4"].map((name) => `${name}-${(made += 1)}`);
  const ids: string[] = [];
  for (const name of names) ids.push(await enrol(name));
  const [one = "", two = "", three = ""] = ids;
  const deployment = await newDeployment(ids);
  const waiting = new WaitingSessions({ store, properties: { current: scheduled } });
  const cast = castOf(deployment);
  const startMs = Date.parse("2026-11-22T10:00:00Z");
  const waits = { code: "E_SESSION_WAITING" };
  await assert.rejects(waiting.check(one, cast, startMs), {
    ...waits,
    detail:
      "1 of 3 machines are there; the session starts with the last of them, " +
      "or at 10:15:00 UTC with those that are there.",
  });
  await assert.rejects(waiting.check(two, cast, startMs + 1000), waits);
  const [record] = await waitingRecords(waiting.current(startMs + 2000), store.deployments);
  assert.deepEqual(record?.present, names.slice(0, 2).toSorted());
  assert.deepEqual(record?.missing, names.slice(2).toSorted());
  assert.equal(record?.missingCount, 2);
  assert.equal(record?.startsAt, "2026-11-22T10:15:00.000Z");
  await waiting.check(three, cast, startMs + 3000);
  await waiting.opened(cast);
  assert.deepEqual(await store.distributionPoint.waits(), []);

  // The next session waits anew: a machine that goes away counts no more, and the delay ends it.
  await assert.rejects(waiting.check(one, cast, startMs), waits);
  const beforeEnd = startMs + 15 * minuteMs - 1;
  await assert.rejects(waiting.check(two, cast, startMs + 1000), waits);
  for (let timeMs = startMs; timeMs < beforeEnd; timeMs += 10_000) {
    await assert.rejects(waiting.check(two, cast, timeMs), waits);
  }
  assert.deepEqual((await waitingRecords(waiting.current(beforeEnd), store.deployments))[0]?.present, [
    names[1],
  ]);
  await waiting.check(two, cast, startMs + 15 * minuteMs);
  await waiting.opened(cast);
});

test("the delay counts on over a restart, is given up when all have gone, and can be ended by hand", async () => {
  const machine = await enrol(`restart ${made}`);
  const deployment = await newDeployment([machine]);
  const cast = castOf(deployment);
  const properties = { current: scheduled };
  const first = new WaitingSessions({ store, properties });
  await assert.rejects(first.check(machine, cast, 0), { code: "E_SESSION_WAITING" });
  const second = new WaitingSessions({ store, properties });
  const restartedMs = 14 * minuteMs;
  await second.load(restartedMs);
  await assert.rejects(second.check(machine, cast, restartedMs + 1000), { code: "E_SESSION_WAITING" });
  await second.check(machine, cast, 15 * minuteMs);

  const goneMs = 15 * minuteMs + limits.waitingSilentMs + 1;
  assert.equal(await second.look(goneMs), true);
  assert.deepEqual(await store.distributionPoint.waits(), []);
  await assert.rejects(second.check(machine, cast, goneMs), { code: "E_SESSION_WAITING" });
  assert.equal(await second.startNow(deployment.id, goneMs + 1), 1);
  await second.check(machine, cast, goneMs + 2);
  const third = new WaitingSessions({ store, properties });
  await third.load(goneMs + 3);
  await third.check(machine, cast, goneMs + 4);
  await third.forget(deployment.id);
  assert.equal(await third.startNow(deployment.id, goneMs + 5), 0);
});

test("the director waits, opens with the last machine, lets who resumes in, and holds to the maximum", async (context) => {
  const native = fakeCasting();
  const properties = { current: { ...scheduled, minimumClients: 2 } };
  const director = newDirector({ store, folder, native, properties });
  await director.start();
  context.after(() => director.stop());
  const ids = [await enrol(`a ${made}`), await enrol(`b ${made}`), await enrol(`c ${made}`)];
  const [one = "", two = "", three = ""] = ids;
  const deployment = await newDeployment(ids);
  await assert.rejects(director.join(one, deployment), { code: "E_SESSION_WAITING" });
  assert.equal(native.casters.length, 0);
  assert.equal((await store.sessions.listOpen()).length, 0);
  await director.join(two, deployment);
  await director.join(one, deployment);
  assert.equal(native.casters.length, 1);
  assert.equal(director.waiting.size, 0);

  properties.current = { ...properties.current, maximumClients: 2 };
  await assert.rejects(director.join(three, deployment), { code: "E_POINT_FULL" });
  await director.join(one, deployment);
  await director.finished(deployment.id, two);
  await director.join(three, deployment);

  // The sender fails: nobody waits a second time for what had begun.
  native.casters[0]?.fail(new Error("the disk is gone"));
  await director.finished(deployment.id, one);
  await director.join(one, deployment);
  const ended = director.records().find(({ end }) => end !== null)?.end;
  assert.equal(ended?.reason, "sender-failed");
  assert.match(ended?.detail ?? "", /the disk is gone/);

  properties.current = { ...properties.current, maximumClients: 0 };
  const other = await newDeployment(ids);
  await director.join(one, other, { resume: true });
  await director.closeDeployment(other.id);
  await director.closeDeployment(deployment.id);
  const reasons = director.records().map(({ end }) => end?.reason);
  assert.equal(reasons.filter((reason) => reason === "deployment-closed").length, 2);
  assert.equal(reasons.filter((reason) => reason === "sender-failed").length, 1);
  const kept = await store.sessions.listRecent(10);
  assert.ok(kept.every(({ end, open }) => !open && end !== null));
});

test("the rate is the lower of the deployment's and the distribution point's", async (context) => {
  const native = fakeCasting();
  const properties = { current: { ...defaultProperties, rateMbps: 100 } };
  const director = newDirector({ store, folder, native, properties });
  await director.start();
  context.after(() => director.stop());
  const machine = await enrol(`rates ${made}`);
  const [free, slow] = [await newDeployment([machine]), await newDeployment([machine])];
  await director.join(machine, { ...free });
  await store.database.updateTable("deployment").set({ rate_mbps: 8 }).where("id", "=", slow.id).execute();
  await director.join(machine, { ...slow, rateMbps: 8 });
  assert.deepEqual(
    native.casters.map(({ options }) => options.rateBytesPerSecond),
    [12_500_000, 1_000_000],
  );
  properties.current = { ...properties.current, multicast: false };
  const only = { ...(await newDeployment([machine])), multicastOnly: true };
  await assert.rejects(director.join(machine, only), { code: "E_CONFLICT" });
  await director.closeDeployment(free.id);
  await director.closeDeployment(slow.id);
});

test("properties are kept, the command line's are the first ones only, and a wrong range changes nothing", async () => {
  const kept = await PointProperties.open(store.distributionPoint, { portRange: "22000-22009" }, true);
  assert.equal(kept.current.portRange, "22000-22009");
  await kept.change({ scheduled: true, minimumClients: 7 });
  await assert.rejects(kept.change({ groupRange: "10.0.0.0/8", minimumClients: 9 }), {
    code: "E_REQUEST_INVALID",
  });
  const again = await PointProperties.open(store.distributionPoint, { portRange: "30000-30009" }, true);
  assert.deepEqual(again.current, kept.current);
  assert.equal(again.current.minimumClients, 7);
  assert.equal(again.ports.first, 22_000);
});
