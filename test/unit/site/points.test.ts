/** What is known of distribution points elsewhere between two of their words, and what the page says of it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { ImageRecord } from "../../../contract/administration.ts";
import { limits } from "../../../contract/limits.ts";
import type { PointSync } from "../../../contract/point.ts";
import { copiesOf, pointState } from "../../../site/dashboard/words/point.ts";
import { RemotePoints } from "../../../site/points.ts";
import type { StoredPoint } from "../../../site/store/points.ts";

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
