/** Groups and ports for sessions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseGroup,
  choosePort,
  parseGroupRange,
  parsePortRange,
} from "../../../../site/casting/addresses.ts";

test("ranges are read, and nonsense is refused", () => {
  assert.deepEqual(parseGroupRange("239.192.16.0/20"), { first: 0xefc0_1000, count: 4096 });
  assert.deepEqual(parseGroupRange("239.1.2.3"), { first: 0xef01_0203, count: 1 });
  for (const wrong of [
    "",
    "239.1.2.3/33",
    "239.1.2.3/x",
    "10.0.0.0/8",
    "239.1.2.3/24",
    "239.0.0.0/8/8",
    "224.0.0.0/4",
  ]) {
    assert.throws(() => parseGroupRange(wrong), { code: "E_USAGE" }, wrong);
  }
  assert.deepEqual(parsePortRange("22000-22999"), { first: 22_000, count: 1000 });
  for (const wrong of ["", "22000", "22999-22000", "0-100", "65530-65536", "5-6", "a-b"]) {
    assert.throws(() => parsePortRange(wrong), { code: "E_USAGE" }, wrong);
  }
});

test("groups are of the range, and no two that are in use share a MAC address", () => {
  // The upper half of this range has the same MAC addresses as the lower.
  const range = { first: 0xef00_0100, count: 8 };
  const taken: string[] = [];
  for (let index = 0; index < 8; index += 1) taken.push(chooseGroup(range, taken));
  assert.equal(new Set(taken).size, 8);
  assert.ok(
    taken.every((group) => /^239\.0\.1\.[0-7]$/.test(group)),
    taken.join(),
  );
  assert.throws(() => chooseGroup(range, taken), { code: "E_CONFLICT" });
  // 239.128.1.x differs from 239.0.1.x in a bit that no MAC address has.
  assert.throws(() => chooseGroup({ first: 0xef80_0100, count: 8 }, taken), { code: "E_CONFLICT" });
});

test("groups whose MAC address is of 224.0.0.0/24 are passed over", () => {
  for (const first of [0xef00_0000, 0xef80_0000]) {
    assert.throws(() => chooseGroup({ first, count: 256 }, []), { code: "E_CONFLICT" });
    const group = chooseGroup({ first, count: 257 }, []);
    assert.match(group, /^239\.(0|128)\.1\.0$/);
  }
});

test("ports are of the range, each another one, until it is used up", () => {
  const range = { first: 100, count: 7 };
  const taken: number[] = [];
  for (let index = 0; index < 7; index += 1) taken.push(choosePort(range, taken));
  assert.deepEqual(
    taken.toSorted((one, other) => one - other),
    [100, 101, 102, 103, 104, 105, 106],
  );
  assert.throws(() => choosePort(range, taken), { code: "E_CONFLICT" });
});
