/** A deployment with streams: a slow machine is given one of its own, which lives as long as it has machines. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { DeploymentRequest, type DeploymentRecord } from "../../../../contract/administration.ts";
import { limits } from "../../../../contract/limits.ts";
import { Progress, type ProgressAnswer } from "../../../../contract/report.ts";
import type { Director } from "../../../../site/casting/director.ts";
import { openStore, type Store } from "../../../../site/store/store.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting, type FakeCasting } from "../../../fixtures/fake-casting.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

interface Place {
  store: Store;
  deployment: DeploymentRecord;
  enrol: (name: string) => Promise<string>;
  direct: (native: FakeCasting) => Promise<Director>;
}

async function openPlace(context: TestContext): Promise<Place> {
  const folder = testFolder(context);
  const store = await openStore(join(folder, "database"));
  context.after(() => store.close());
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const image = storedImage("lab");
  await store.images.add(image);
  const slowClients = { policy: "multistream", streams: 2 };
  const wish = { name: "room", imageId: image.id, machines: "all", slowClients };
  return {
    store,
    deployment: await store.deployments.create(DeploymentRequest.parse(wish)),
    enrol: (name) => store.machines.enrol(machineFacts(name), `key of ${name}`),
    direct: async (native) => {
      const director = newDirector({ store, folder, native, ports: 100 });
      await director.start();
      return director;
    },
  };
}

/** A machine in a session, which takes so many megabytes a second. */
interface Taker {
  machineId: string;
  sessionId: string;
  megabytesPerSecond: number;
  heldBackBy: Progress["bottleneck"];
  answer: ProgressAnswer;
}

function tell(director: Director, deployment: DeploymentRecord, taker: Taker, second: number): void {
  const bytes = second * taker.megabytesPerSecond * 1e6;
  const progress = Progress.parse({
    sessionId: taker.sessionId,
    phase: "receiving",
    waitingFor: "",
    bottleneck: taker.heldBackBy,
    bytesVerified: bytes,
    bytesTotal: 1e12,
    multicastBytes: bytes,
    unicastBytes: 0,
    repairedSymbols: 0,
    bytesPerSecond: 0,
    secondsLeft: null,
  });
  taker.answer = director.progress(taker.machineId, deployment.id, progress);
}

function send({ casters }: FakeCasting, second: number): void {
  for (const caster of casters) caster.figures = { ...caster.figures, multicastBytes: second * 50e6 };
}

async function pass(
  context: TestContext,
  director: Director,
  seconds: number,
  each: (second: number) => void = () => {},
) {
  for (let second = 0; second <= seconds; second += 1) {
    each(second);
    context.mock.timers.tick(limits.sessionCheckMs);
    // The look takes its turn before this one.
    await director.closeDeployment("no such deployment");
  }
}

const goOn: ProgressAnswer = { next: "go-on", moved: "" };

test("a slow machine is sent to a stream of its own, stays there, and the stream ends with it", async (t) => {
  const { deployment, direct, enrol, store } = await openPlace(t);
  const native = fakeCasting();
  const director = await direct(native);
  const [quickId, slowId] = [await enrol("quick"), await enrol("slow")];
  const first = await director.join(quickId, deployment);
  await director.join(slowId, deployment);
  const common = { sessionId: first.session.id, answer: goOn };
  const quick: Taker = { ...common, machineId: quickId, megabytesPerSecond: 50, heldBackBy: "site" };
  const slow: Taker = { ...common, machineId: slowId, megabytesPerSecond: 2, heldBackBy: "disk" };
  await pass(t, director, 20, (second) => {
    send(native, second);
    tell(director, deployment, quick, second);
    if (slow.answer.next === "go-on") tell(director, deployment, slow, second);
  });
  assert.deepEqual(quick.answer, goOn);
  const reason = "It took 16 Mbit/s over 15 s, held back by its disk, while stream 0 brought 400";
  assert.deepEqual(slow.answer, { next: "rejoin", moved: reason });

  const second = await director.join(slowId, deployment);
  assert.deepEqual([first.session.stream, second.session.stream], [0, 1]);
  for (const field of ["id", "number", "key", "group", "port"] as const) {
    assert.notEqual(second.session[field], first.session[field], field);
  }
  assert.deepEqual(
    native.casters.map(({ moves, options: { paceBy, stream } }) => ({ moves, paceBy, stream })),
    [
      { moves: [], paceBy: "quickest", stream: 0 },
      { moves: [], paceBy: "most", stream: 1 },
    ],
  );
  slow.sessionId = second.session.id;
  tell(director, deployment, slow, 21);
  assert.deepEqual(slow.answer, goOn);
  const moved = { machineId: slowId, reason, to: "stream" };
  const shown = (of: Director) =>
    of.records().map((record) => [record.stream, record.state, record.machines, record.moved]);
  const both = [
    [0, "idle", 1, []],
    [1, "idle", 1, [moved]],
  ];
  assert.deepEqual(shown(director), both);

  await director.stop();
  const later = fakeCasting();
  const restarted = await direct(later);
  t.after(() => restarted.stop());
  assert.deepEqual(shown(restarted), both);
  const again = await restarted.join(slowId, deployment);
  assert.equal(again.session.id, second.session.id);

  await restarted.finished(deployment.id, quickId);
  await pass(t, restarted, 15, (at) => tell(restarted, deployment, slow, at));
  assert.deepEqual(
    (await store.sessions.listOpen()).map(({ stream }) => stream),
    [1],
  );
  const late = await restarted.join(await enrol("late"), deployment);
  assert.equal(late.session.stream, 0, "what is not known to be slow begins in the first stream");
  await restarted.finished(deployment.id, slowId);
  await pass(t, restarted, 15);
  assert.deepEqual(
    (await store.sessions.listOpen()).map(({ stream }) => stream),
    [0],
  );
});

test("a machine stays where it is while the other stream does not open", async (t) => {
  const { deployment, direct, enrol, store } = await openPlace(t);
  const native = fakeCasting();
  const director = await direct(native);
  t.after(() => director.stop());
  const [quickId, slowId] = [await enrol("quick"), await enrol("slow")];
  const { session } = await director.join(quickId, deployment);
  await director.join(slowId, deployment);
  for (let port = 22_000; port < 22_100; port += 1) native.busyPorts.add(port);
  const common = { sessionId: session.id, answer: goOn };
  const quick: Taker = { ...common, machineId: quickId, megabytesPerSecond: 50, heldBackBy: "site" };
  const slow: Taker = { ...common, machineId: slowId, megabytesPerSecond: 2, heldBackBy: "disk" };
  const both = (second: number): void => {
    send(native, second);
    for (const taker of [quick, slow]) tell(director, deployment, taker, second);
  };
  await pass(t, director, 20, both);
  assert.deepEqual(slow.answer, goOn);
  assert.equal((await store.sessions.listOpen()).length, 1);
  native.busyPorts.clear();
  await pass(t, director, 20, (second) => both(21 + second));
  assert.equal(slow.answer.next, "rejoin", "it is tried again");
});
