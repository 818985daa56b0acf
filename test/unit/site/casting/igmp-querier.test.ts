/** The querier with a clock that is moved by hand: when it asks, whom, and when it leaves that to another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import { type IgmpQuery, type IgmpReport, readIgmp } from "../../../../site/casting/igmp-message.ts";
import { IgmpQuerier, querierOptions } from "../../../../site/casting/igmp-querier.ts";

const own = "10.0.0.5";
const second = 1000;
const query: IgmpQuery = {
  kind: "query",
  version: 2,
  group: null,
  responseMs: 10_000,
  robustness: 0,
  intervalMs: 0,
};
const report = (group: string, wanted: boolean): IgmpReport => ({
  kind: "report",
  groups: [{ group, wanted }],
});
const leave = (group: string): IgmpReport => report(group, false);

function newQuerier(version: 2 | 3 = 2): IgmpQuerier {
  return new IgmpQuerier(querierOptions(own, { intervalMs: 125 * second, version }), 0);
}

/** When something is sent, in seconds, and to whom; looked for ten times a second. */
function watch(querier: IgmpQuerier, fromMs: number, toMs: number): string[] {
  const seen: string[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 100) {
    for (const { message, to } of querier.take(nowMs)) {
      const read = readIgmp(message);
      assert.ok(read?.kind === "query");
      assert.equal(to, read.group ?? "224.0.0.1");
      seen.push(`${nowMs / second} ${to} ${read.responseMs}`);
    }
  }
  return seen;
}

test("two questions at the start, a quarter of the interval apart, then one every 125 s", () => {
  const expected = ["0", "31.3", "156.3", "281.3"].map((time) => `${time} 224.0.0.1 10000`);
  assert.deepEqual(watch(newQuerier(), 0, 300 * second), expected);
});

test("short intervals ask for shorter answers", () => {
  const options = querierOptions(own, { intervalMs: 4 * second, version: 3 });
  assert.equal(options.responseMs, 2 * second);
  const querier = new IgmpQuerier(options, 0);
  const [first] = querier.take(0);
  const read = readIgmp(first?.message ?? Buffer.alloc(0));
  assert.ok(read?.kind === "query");
  const { intervalMs, responseMs, robustness, version } = read;
  assert.deepEqual([intervalMs, responseMs, robustness, version], [4000, 2000, 2, 3]);
});

test("after a group that is left it asks twice, a second apart, whoever answers meanwhile", () => {
  for (const version of [2, 3] as const) {
    const querier = newQuerier(version);
    watch(querier, 0, 40 * second);
    querier.hear("10.0.0.9", leave("239.1.2.3"), 40 * second);
    querier.hear("10.0.0.9", leave("239.1.2.3"), 40 * second);
    querier.hear("10.0.0.8", report("239.1.2.3", true), 40 * second + 50);
    const seen = watch(querier, 40 * second, 60 * second);
    assert.deepEqual(seen, ["40 239.1.2.3 1000", "41 239.1.2.3 1000"]);
    querier.hear("10.0.0.9", leave("239.1.2.3"), 60 * second);
    assert.equal(watch(querier, 60 * second, 70 * second).length, 2);
  }
});

test("nobody makes it ask after what is never cut off, or after more than it keeps in mind", () => {
  const querier = newQuerier();
  watch(querier, 0, 40 * second);
  for (const group of ["224.0.0.251", "10.1.2.3", "0.0.0.0", "255.255.255.255"]) {
    querier.hear("10.0.0.9", leave(group), 40 * second);
  }
  assert.deepEqual(watch(querier, 40 * second, 50 * second), []);
  for (let number = 0; number < 5000; number += 1) {
    querier.hear("10.0.0.9", leave(`239.1.${number >> 8}.${number & 255}`), 50 * second);
  }
  assert.equal(querier.take(50 * second).length, limits.igmpGroupsLeft);
});

test("the lower address asks; when it is silent for 255 s this one does again", () => {
  const querier = newQuerier();
  watch(querier, 0, 40 * second);
  for (const nobody of ["10.0.0.6", own, "0.0.0.0"]) querier.hear(nobody, query, 40 * second);
  assert.equal(querier.other, null);
  querier.hear("10.0.0.4", query, 40 * second);
  assert.equal(querier.other, "10.0.0.4");
  // Leaves are the other's business, and so are those that were waiting.
  querier.hear("10.0.0.9", leave("239.1.2.3"), 41 * second);
  assert.deepEqual(watch(querier, 41 * second, 165 * second), []);
  querier.hear("10.0.0.4", query, 165 * second);
  // Twice the interval and half the time for answers after its last question.
  assert.deepEqual(watch(querier, 165 * second, 600 * second), [
    "420 224.0.0.1 10000",
    "545 224.0.0.1 10000",
  ]);
  assert.equal(querier.other, null);
});

test("addresses are compared as numbers, and the lowest of several asks", () => {
  const querier = new IgmpQuerier(querierOptions("10.0.0.100", { intervalMs: 125 * second, version: 2 }), 0);
  querier.hear("10.0.0.99", query, 0);
  assert.equal(querier.other, "10.0.0.99");
  querier.hear("10.0.0.9", query, 0);
  assert.equal(querier.other, "10.0.0.9");
});

test("a querier of version 3 says how long to wait for it", () => {
  const querier = newQuerier(3);
  const theirs: IgmpQuery = { ...query, version: 3, robustness: 3, intervalMs: 20 * second };
  querier.hear("10.0.0.4", theirs, 0);
  assert.deepEqual(watch(querier, 0, 70 * second), ["65 224.0.0.1 10000"]);
});

test("nobody silences it for days with one question", () => {
  const querier = newQuerier(3);
  const theirs: IgmpQuery = { ...query, version: 3, robustness: 7, intervalMs: 31_744 * second };
  querier.hear("10.0.0.4", theirs, 0);
  // Four times 250 s, and half the time for answers.
  assert.deepEqual(watch(querier, 0, 1100 * second), ["1005 224.0.0.1 10000"]);
});

test("a querier that asks with an older version is noticed", () => {
  const querier = newQuerier(3);
  querier.hear("10.0.0.9", { ...query, version: 3 }, 0);
  assert.equal(querier.olderVersionHeard, false);
  querier.hear("10.0.0.9", query, 0);
  assert.equal(querier.olderVersionHeard, true);
  assert.equal(querier.other, null);
});
