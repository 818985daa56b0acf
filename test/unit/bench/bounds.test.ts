/** Verdicts of the benchmarks: from a result to what holds and what misses, and that the document has the same bounds. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bounds, boundText, judge, type Verdict } from "../../bench/bounds.ts";
import { judgeRoomSizes, judges } from "../../bench/judges.ts";

const verdictsOf = (name: string, result: object): Verdict[] => judges[name]?.(result as never) ?? [];
const kept = (name: string, result: object): boolean[] => verdictsOf(name, result).map(({ holds }) => holds);

const cast = {
  ours: { megabytesPerSecond: 100 },
  rival: { name: "udpcast" },
  ratio: 4,
  receivers: 1,
  lossPercent: 0,
  wire: false,
  shareOfRate: null,
};

test("a bound is kept at its value, and missed beyond it and where nothing was measured", () => {
  assert.equal(judge({ of: "speed", least: 4 }, 4).holds, true);
  assert.equal(judge({ of: "speed", least: 4 }, 3.99).holds, false);
  assert.equal(judge({ of: "loss", most: 0 }, 0).holds, true);
  assert.equal(judge({ of: "loss", most: 0 }, 1).holds, false);
  assert.equal(judge({ of: "speed", least: 4 }, Number.NaN).holds, false);
});

test("each cast is held to the bound of its kind", () => {
  assert.deepEqual(kept("cast", cast), [true]);
  assert.deepEqual(kept("cast", { ...cast, ratio: 3.9 }), [false]);
  assert.deepEqual(kept("cast", { ...cast, wire: true, ratio: 1.3 }), [true]);
  assert.deepEqual(kept("cast", { ...cast, wire: true, receivers: 8, ratio: 1.3 }), [false]);
  assert.deepEqual(kept("cast", { ...cast, rival: { name: "raw" }, ratio: 0.2 }), [true]);
  assert.deepEqual(kept("cast", { ...cast, shareOfRate: 0.92, ratio: 1 }), [false]);
  assert.deepEqual(kept("cast", { ...cast, shareOfRate: 0.92, lossPercent: 1 }), [true]);
  assert.deepEqual(kept("cast", { ...cast, shareOfRate: 0.5, tcp: { shareOfRate: 0.3 } }), [false]);
  assert.deepEqual(kept("cast", { ...cast, rival: null, ratio: null }), []);
});

test("a full room on a shaped link is compared with one machine at the same loss", () => {
  const one = { ...cast, shareOfRate: 0.94 };
  const full = (megabytesPerSecond: number) => ({ ...one, receivers: 16, ours: { megabytesPerSecond } });
  const holds = (results: object[]): boolean[] =>
    judgeRoomSizes(results as never).map((verdict) => verdict.holds);
  assert.deepEqual(holds([one, full(98)]), [true]);
  assert.deepEqual(holds([one, full(96)]), [false]);
  assert.deepEqual(holds([one, { ...full(96), lossPercent: 1 }]), []);
});

test("the other benchmarks are held to theirs", () => {
  const rates = {
    "warm avx2 decode 1 lost": 4,
    "warm ssse3 decode 1 lost": 1,
    "warm isal-best decode 1 lost": 5,
  };
  assert.deepEqual(kept("fec", { gigabytesPerSecond: rates }), [true], "the best set counts");
  const hashes = { file: 2, "file b3sum": 2, "file threads": 1, "file b3sum threads": 2 };
  assert.deepEqual(kept("hash", { gigabytesPerSecond: hashes }), [true, false]);
  const write = { ratio: 0.92, decompress: false, plain: false, verify: false };
  assert.deepEqual([kept("write", write), kept("write", { ...write, verify: true })], [[false], [true]]);
  assert.deepEqual(kept("resume", { ours: { fetchedBytes: 1 }, ratio: 0.9 }), [true, false]);
  const agent = { imageBytes: 2 ** 30, residentMegabytesMost: 191, longestPauseMs: 51 };
  assert.deepEqual(kept("agent", { results: [agent] }), [true, false]);
  const site = { on: "embedded", machines: 10, lost: 0, succeeded: 9 };
  assert.deepEqual(kept("site", { results: [site] }), [true, false]);
  const rows = [
    { case: "nothing", system: "volley", ratio: 1 },
    { case: "joins at 80 %", system: "volley", ratio: 1.03 },
    { case: "joins at 80 %", system: "udpcast", ratio: 7 },
  ];
  assert.deepEqual(kept("cast-cases", { rows }), [false]);
  const point = { case: "1 %", lossPercent: 1, receivers: 200, more: 0.05, feedback: 0.06, plain: 1 };
  assert.deepEqual(kept("scale", { points: [point] }), [true, false]);
  assert.deepEqual(kept("scale", { points: [{ ...point, receivers: 10_000, feedback: 0 }] }), [true, true]);
});

test("docs/BENCHMARKS.md lists every bound", () => {
  const document = readFileSync("docs/BENCHMARKS.md", "utf8");
  for (const bound of Object.values(bounds)) {
    assert.ok(document.includes(`| ${bound.of} | ${boundText(bound)} |`), bound.of);
  }
});
