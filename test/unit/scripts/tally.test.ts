import assert from "node:assert/strict";
import test from "node:test";
import {
  add,
  closingLine,
  emptyTally,
  tallyOfCtest,
  tallyOfFuzzing,
  tallyOfSimulator,
  verdictOf,
} from "../../../scripts/tally.ts";

const event = {
  type: "test:pass",
  name: "adds",
  file: "/a.test.js",
  isSuite: false,
  isSkipped: false,
  failedBySubtest: false,
};

test("ctest's summary gives both counts and the names of what failed", () => {
  const output = [
    "67% tests passed, 1 tests failed out of 3",
    "",
    "The following tests FAILED:",
    "\t  2 - core/blake3 (Failed)",
    "Errors while running CTest",
  ].join("\n");
  assert.deepEqual(tallyOfCtest(output, 8), { passed: 2, failed: 1, failures: ["ctest core/blake3"] });
  assert.deepEqual(tallyOfCtest("100% tests passed, 0 tests failed out of 7\n", 0), {
    passed: 7,
    failed: 0,
    failures: [],
  });
});

test("ctest that ends badly without a count is a failure, and one without tests is nothing", () => {
  assert.equal(tallyOfCtest("", null).failed, 1);
  assert.equal(tallyOfCtest("No tests were found!!!\n", 0).passed, 0);
  assert.equal(tallyOfCtest("100% tests passed, 0 tests failed out of 7\n", 1).failed, 1);
});

test("the simulator counts its seeds only when all of them held", () => {
  assert.deepEqual(tallyOfSimulator(200, 0), { passed: 200, failed: 0, failures: [] });
  assert.deepEqual(tallyOfSimulator(200, 1), { passed: 0, failed: 1, failures: ["simulator ended with 1"] });
});

test("a fuzz target holds when it ended well and tried something, and says what was broken", () => {
  const end = "stat::number_of_executed_units: 8617\n";
  assert.deepEqual(tallyOfFuzzing("sender", end, 0), { passed: 1, failed: 0, failures: [] });
  assert.deepEqual(tallyOfFuzzing("sender", "stat::number_of_executed_units: 0\n", 0).failures, [
    "fuzz sender: tried nothing",
  ]);
  const crash = "INFO: Seed: 1\nbroken: silence is kept\n==1== ERROR: libFuzzer: deadly signal\n";
  assert.deepEqual(tallyOfFuzzing("sender", `${crash}${end}`, 77).failures, [
    "fuzz sender: broken: silence is kept",
  ]);
  const overflow = "==9==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1\n";
  assert.deepEqual(tallyOfFuzzing("datagram", overflow, 1).failures, [
    "fuzz datagram: ERROR: AddressSanitizer: heap-buffer-overflow",
  ]);
  assert.deepEqual(tallyOfFuzzing("datagram", "", null).failures, ["fuzz datagram: ended with a signal"]);
});

test("suites and skipped tests do not count, and a file without a test is a failure", () => {
  assert.equal(verdictOf(event), "passed");
  assert.equal(verdictOf({ ...event, isSuite: true }), "ignored");
  assert.equal(verdictOf({ ...event, isSkipped: true }), "ignored");
  assert.equal(verdictOf({ ...event, name: "/a.test.js" }), "failed");
  assert.equal(verdictOf({ ...event, type: "test:fail" }), "failed");
  assert.equal(verdictOf({ ...event, type: "test:fail", failedBySubtest: true }), "ignored");
  assert.equal(verdictOf({ ...event, type: "test:diagnostic" }), "ignored");
});

test("tallies add up to the closing line", () => {
  const total = emptyTally();
  add(total, { passed: 3, failed: 0, failures: [] });
  add(total, { passed: 1, failed: 2, failures: ["a", "b"] });
  assert.equal(closingLine(total), "4 passed, 2 failed");
  assert.deepEqual(total.failures, ["a", "b"]);
});
