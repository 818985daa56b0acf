/** Quantities as the page and the command line show them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytesText,
  countIsText,
  countText,
  durationText,
  minuteText,
  namesText,
  timeText,
} from "../../../site/quantities.ts";

for (const [bytes, text] of [
  [0, "0 B"],
  [999, "999 B"],
  [12.4, "12 B"],
  [1_234_567, "1.2 MB"],
  [7_200_000_000, "7.2 GB"],
  [3e18, "3000.0 PB"],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(bytesText(bytes), text));
}

for (const [seconds, text] of [
  [-1, "0:00"],
  [59.6, "1:00"],
  [118, "1:58"],
  [7318, "2:01:58"],
] as const) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(durationText(seconds), text));
}

for (const [count, text] of [
  [0, "0 devices are"],
  [1, "1 device is"],
  [2, "2 devices are"],
  [21, "21 devices are"],
] as const) {
  test(`of ${count} it is said: ${text}`, () => {
    assert.equal(countIsText(count, "device"), text);
    assert.ok(text.startsWith(`${countText(count, "device")} `));
  });
}

test("a time is UTC to the second or the minute, and none is never", () => {
  const time = "2026-11-05T23:59:58.999Z";
  assert.equal(timeText(time), "2026-11-05 23:59:58");
  assert.equal(minuteText(time), "2026-11-05 23:59");
  assert.equal(timeText(null), "never");
  assert.equal(minuteText(null), "never");
});

test("of many names the first are said, and how many more there are", () => {
  assert.equal(namesText(["a", "b", "c"], 2), "a, b and 1 more");
  assert.equal(namesText(["a", "b"], 2), "a, b");
});
