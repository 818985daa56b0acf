/** What is known of distribution points elsewhere between two of their words, and what the page says of it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { DeploymentRecord, ImageRecord } from "../../../contract/administration.ts";
import { limits } from "../../../contract/limits.ts";
import type { PointSync } from "../../../contract/point.ts";
import type { WaitTold } from "../../../contract/waiting.ts";
import { copiesOf, pointState } from "../../../site/dashboard/words/point.ts";
import { waitingText } from "../../../site/dashboard/words/session.ts";
import { RemotePoints } from "../../../site/points.ts";
import type { StoredPoint } from "../../../site/store/points.ts";
import { waitingRecords } from "../../../site/waiting-records.ts";

const imageId = randomUUID();
const point = {
  id: randomUUID(),
  name: "annexe",
  images: [imageId],
  packages: [],
  enrolled: "2026-11-22T10:00:00.000Z",
  lastSeen: null,
} as unknown as StoredPoint;
const image = { id: imageId, name: "lab", contentBytes: 1000e6 } as ImageRecord;
const sync = (bytes: number, whole = false): PointSync => ({
  port: 4000,
  sessions: [],
  waits: [],
  progress: [],
  images: [{ imageId, bytes, whole, trouble: "" }],
  deployments: [],
  renew: false,
  encryption: true,
  packages: true,
});

const told = (points: RemotePoints, nowMs: number): string =>
  copiesOf(points.record(point, nowMs), [image])[0]?.text ?? "";

test("an image on its way has a rate and a time left, of the last seconds alone", () => {
  const points = new RemotePoints();
  assert.equal(told(points, 0), "waits for its turn");
  points.told(point, sync(0), 0);
  points.told(point, sync(200e6), 1000);
  points.told(point, sync(400e6), 2000);
  assert.equal(told(points, 2000), "40.0 % of 1.0 GB, 200.0 MB/s, 0:03 left");
  // It goes on ten times slower.
  for (let second = 3; second <= 18; second += 1) {
    points.told(point, sync(400e6 + (second - 2) * 20e6), second * 1000);
  }
  assert.equal(told(points, 18_000), "72.0 % of 1.0 GB, 20.0 MB/s, 0:14 left");
  points.told(point, sync(1000e6), 19_000);
  assert.equal(told(points, 19_000), "100.0 % of 1.0 GB, is being verified");
  points.told(point, sync(1000e6, true), 20_000);
  assert.equal(told(points, 20_000), "1.0 GB, verified");
});

test("a point that is not heard of any more has no rate, and is silent since then", () => {
  const points = new RemotePoints();
  const beganMs = Date.parse("2026-11-22T12:00:00.000Z");
  points.told(point, sync(0), beganMs);
  points.told(point, sync(200e6), beganMs + 1000);
  assert.equal(pointState(points.record(point, beganMs + 1000)), "here");
  const lateMs = beganMs + 1000 + limits.pointSilentMs;
  assert.equal(pointState(points.record(point, lateMs)), "silent since 2026-11-22 12:00:01");
  assert.equal(told(points, lateMs), "20.0 % of 1.0 GB");
  points.forget(point.id);
  assert.equal(pointState(points.record(point, lateMs)), "not heard of");
});

test("what waits at a point is started by every answer until the point has told that it starts", () => {
  const points = new RemotePoints();
  const [deploymentId, other] = [randomUUID(), randomUUID()];
  const wait = (id: string, released = false): WaitTold => ({
    deploymentId: id,
    imageId,
    firstRequest: "2026-11-22T10:00:00.000Z",
    startsAt: "2026-11-22T10:15:00.000Z",
    minimumClients: 20,
    present: [randomUUID()],
    released,
  });
  const tell = (...waits: WaitTold[]): void => points.told(point, { ...sync(0), waits });
  assert.equal(points.startNow(deploymentId), 0, "nothing waits yet");
  tell(wait(deploymentId), wait(other));
  assert.deepEqual(points.toStart(point.id), [], "nobody has asked for it since");
  assert.deepEqual(
    points.waits().map((one) => [one.point, one.deploymentId]),
    [
      ["annexe", deploymentId],
      ["annexe", other],
    ],
  );
  assert.equal(points.startNow(deploymentId), 1);
  assert.deepEqual(points.toStart(point.id), [deploymentId]);
  tell(wait(deploymentId), wait(other));
  assert.deepEqual(points.toStart(point.id), [deploymentId], "the first answer may have been lost");
  tell(wait(deploymentId, true), wait(other));
  assert.deepEqual(points.toStart(point.id), []);
  tell(wait(deploymentId), wait(other));
  assert.deepEqual(points.toStart(point.id), [], "a later wait is another one");
  const lateMs = Date.now() + limits.pointSilentMs;
  assert.deepEqual(points.waits(lateMs), []);
});

test("who waits for an image at one place is missing at no other", async () => {
  const deployment = { id: randomUUID(), name: "lab 1" } as DeploymentRecord;
  const machines = ["one", "two", "three"].map((name) => ({ id: randomUUID(), name }));
  const [one, two] = machines;
  const wait = (present: string[]): WaitTold => ({
    deploymentId: deployment.id,
    imageId,
    firstRequest: "2026-11-22T10:00:00.000Z",
    startsAt: "2026-11-22T10:15:00.000Z",
    minimumClients: 20,
    present,
    released: false,
  });
  const deployments = {
    find: async (id: string) => (id === deployment.id ? deployment : undefined),
    unfinished: async () => machines,
  };
  const waits = [wait([one?.id ?? ""]), { ...wait([two?.id ?? ""]), point: "annexe" }];
  const records = await waitingRecords([...waits, { ...wait([]), deploymentId: randomUUID() }], deployments);
  assert.deepEqual(
    records.map(({ missing, missingCount, point: where, present }) => [
      where,
      present,
      missing,
      missingCount,
    ]),
    [
      [undefined, ["one"], ["three"], 1],
      ["annexe", ["two"], ["three"], 1],
    ],
  );
  assert.deepEqual(
    records.map((record) => waitingText(record)),
    ["lab 1", "lab 1 at annexe"].map(
      (name) =>
        `${name} waits: 1 of 20 machines are there; it starts at 10:15 UTC at the latest. Missing: three.`,
    ),
  );
});
