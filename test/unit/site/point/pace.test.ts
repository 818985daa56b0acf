/** How fast and at which hours a point fetches, by a clock of the test's own: no real time passes. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Replication } from "../../../../contract/point.ts";
import { isWithinHours, Pace, type PaceClock } from "../../../../site/point/pace.ts";

const { signal } = new AbortController();
const pieceBytes = 1_000_000;
const hourMs = 3_600_000;

/** Sleeping moves it on at once. */
class TestClock implements PaceClock {
  nowMs: number;
  constructor(start: string) {
    this.nowMs = Date.parse(start);
  }
  now(): Date {
    return new Date(this.nowMs);
  }
  async sleep(ms: number): Promise<void> {
    this.nowMs += ms;
  }
}

/** Of this process, which Node reads anew each time. */
function setZone(context: TestContext, zone: string): void {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  context.after(() => {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  });
}

test("hours hold from the first up to the last, over midnight too", () => {
  const within = (hours: Replication["hours"]): number[] =>
    Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => isWithinHours(hours, hour));
  assert.equal(within(null).length, 24);
  assert.deepEqual(within({ from: 8, to: 11 }), [8, 9, 10]);
  assert.deepEqual(within({ from: 22, to: 3 }), [0, 1, 2, 22, 23]);
  assert.deepEqual(within({ from: 22, to: 24 }), [22, 23]);
  assert.deepEqual(within({ from: 0, to: 1 }), [0]);
  assert.equal(within({ from: 0, to: 24 }).length, 24);
  assert.equal(within({ from: 6, to: 6 }).length, 24);
});

test("pieces come at the rate that is said, at another one from its change on, and what was not used is lost", async () => {
  const clock = new TestClock("2026-11-22T10:00:00Z");
  const replication = { rateMbps: 8, hours: null };
  const pace = new Pace(() => replication, clock);
  const beganMs = clock.nowMs;
  const take = async (pieces: number): Promise<number> => {
    for (let piece = 0; piece < pieces; piece += 1) await pace.take(pieceBytes, signal);
    return clock.nowMs - beganMs;
  };
  // 8 Mbit/s is a piece a second, of which the first need not wait.
  assert.equal(await take(61), 60_000);
  replication.rateMbps = 80;
  // One more was let go at the old rate.
  assert.equal(await take(11), 60_000 + 1000 + 1000);
  clock.nowMs += hourMs;
  assert.equal(await take(11), 62_000 + hourMs + 1000, "an hour of nothing is no burst");
  replication.rateMbps = 0;
  assert.equal(await take(1000), 63_000 + hourMs);
});

test("nothing comes outside the hours of the process's own zone, and all goes on by itself", async (context) => {
  const hours = { from: 22, to: 2 };
  for (const [zone, opens] of [
    ["UTC", "2026-11-22T22:00:00Z"],
    ["Asia/Kolkata", "2026-11-22T16:30:00Z"],
    ["America/New_York", "2026-11-23T03:00:00Z"],
  ] as const) {
    setZone(context, zone);
    const clock = new TestClock("2026-11-22T12:00:10Z");
    const pace = new Pace(() => ({ rateMbps: 0, hours }), clock);
    await pace.take(pieceBytes, signal);
    const lateMs = clock.nowMs - Date.parse(opens);
    assert.ok(lateMs >= 0 && lateMs < 60_000, `${zone}: ${clock.now().toISOString()}`);
    clock.nowMs = Date.parse(opens) + 4 * hourMs - 1;
    await pace.take(pieceBytes, signal);
    assert.equal(clock.nowMs, Date.parse(opens) + 4 * hourMs - 1, `${zone}: past midnight`);
    clock.nowMs += 1;
    await pace.take(pieceBytes, signal);
    const againMs = clock.nowMs - Date.parse(opens);
    assert.ok(againMs >= 24 * hourMs && againMs < 24 * hourMs + 60_000, `${zone}: the next evening`);
  }
});

test("the rate holds within the hours, and a wait ends when the point does", async () => {
  const clock = new TestClock("2026-11-22T12:00:00Z");
  const from = clock.now().getHours();
  const pace = new Pace(() => ({ rateMbps: 8, hours: { from, to: from + 1 } }), clock);
  for (let piece = 0; piece < 4; piece += 1) await pace.take(pieceBytes, signal);
  assert.equal(clock.nowMs, Date.parse("2026-11-22T12:00:03Z"));
  // By the system's clock: hours for the second piece.
  const slow = new Pace(() => ({ rateMbps: 0.001, hours: null }));
  await slow.take(pieceBytes, signal);
  const ending = new AbortController();
  const second = slow.take(pieceBytes, ending.signal);
  ending.abort();
  await assert.rejects(second, { name: "AbortError" });
});
