/** Which machine is too slow, second by second: rates in, moves out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SlowClientRule, slowWindowMs, type Move } from "../../../../site/casting/slow-clients.ts";

const bytesPerMbps = 1e6 / 8;

interface Course {
  what: string;
  /** Mbit/s that the session sends and the machine takes, for each second. */
  sends: (second: number) => number;
  takes: (second: number) => number;
  receiving?: (second: number) => boolean;
  /** The second at which it is moved; null: never. */
  movedAt: number | null;
}

const seconds = 60;
const courses: Course[] = [
  { what: "it keeps up", sends: () => 400, takes: () => 390, movedAt: null },
  { what: "just the threshold", sends: () => 400, takes: () => 100, movedAt: null },
  { what: "half the threshold", sends: () => 400, takes: () => 50, movedAt: 15 },
  { what: "it slows down on the way", sends: () => 400, takes: (s) => (s < 20 ? 390 : 20), movedAt: 31 },
  {
    what: "it stands still for five seconds",
    sends: () => 400,
    takes: (s) => (s > 20 && s <= 25 ? 0 : 390),
    movedAt: null,
  },
  { what: "the session itself is slow", sends: () => 50, takes: () => 40, movedAt: null },
  { what: "it is not receiving", sends: () => 400, takes: () => 10, receiving: () => false, movedAt: null },
  {
    what: "it hashes its disk first",
    sends: () => 400,
    takes: (s) => (s < 30 ? 0 : 390),
    receiving: (s) => s >= 30,
    movedAt: null,
  },
];

for (const { movedAt, receiving = () => true, sends, takes, what } of courses) {
  test(`${what}: ${movedAt === null ? "it stays" : `moved after ${movedAt} s`}`, () => {
    const rule = new SlowClientRule({ policy: "disconnect", leastMbps: 100 });
    let [sentBytes, verifiedBytes] = [0, 0];
    const moves: (Move & { second: number })[] = [];
    for (let second = 0; second <= seconds; second += 1) {
      const client = { machineId: "slow", verifiedBytes, receiving: receiving(second) };
      moves.push(...rule.look(second * 1000, sentBytes, [client]).map((move) => ({ ...move, second })));
      sentBytes += sends(second + 1) * bytesPerMbps;
      verifiedBytes += takes(second + 1) * bytesPerMbps;
    }
    assert.deepEqual(
      moves.map(({ second }) => second),
      movedAt === null ? [] : [movedAt],
    );
    if (movedAt !== null) {
      assert.match(moves[0]?.reason ?? "", /^It verified \d.* Mbit\/s over 15 s, less than the 100 of/);
    }
  });
}

test("without a rule nobody is moved", () => {
  const rule = new SlowClientRule({ policy: "none" });
  for (let timeMs = 0; timeMs <= 4 * slowWindowMs; timeMs += 1000) {
    const sentBytes = timeMs * 400 * (bytesPerMbps / 1000);
    assert.deepEqual(
      rule.look(timeMs, sentBytes, [{ machineId: "slow", verifiedBytes: 0, receiving: true }]),
      [],
    );
  }
});
