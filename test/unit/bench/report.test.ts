import assert from "node:assert/strict";
import { test } from "node:test";
import { median, megabytesPerSecond, parseCount, parseSize } from "../../bench/report.ts";

test("sizes are powers of 1024", () => {
  assert.equal(parseSize("4096"), 4096);
  assert.equal(parseSize("512K"), 512 * 1024);
  assert.equal(parseSize("64m"), 64 * 1024 ** 2);
  assert.equal(parseSize("1G"), 1024 ** 3);
  assert.throws(() => parseSize("1.5G"), /512M/);
  assert.throws(() => parseSize("G"), /512M/);
});

test("counts are whole and bounded, and the error names the option", () => {
  assert.equal(parseCount("--runs", "3", 1, 10), 3);
  for (const wrong of ["0", "11", "2.5", "many", ""]) {
    assert.throws(() => parseCount("--runs", wrong, 1, 10), /--runs takes a whole number from 1 to 10/);
  }
});

test("rates are millions of bytes, medians are the middle", () => {
  assert.equal(megabytesPerSecond(1e9, 4), 250);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});
