/** IGMP byte for byte: what is written, and what of messages that others write is read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readCode, readIgmp, writeCode, writeQuery } from "../../../../site/casting/igmp-message.ts";
import { fillRandom, random, testSeed } from "../../../fixtures/random.ts";

const query = { responseMs: 10_000, suppress: false, robustness: 2, intervalMs: 125_000 };
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** With the checksum of RFC 1071 in its third and fourth byte. */
function checked(message: Buffer): Buffer {
  message.writeUInt16BE(0, 2);
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  message.writeUInt16BE(~sum & 0xffff, 2);
  return message;
}

test("queries, as routers send them", () => {
  // Version 2, all groups, 10 s: a header whose checksum is known from any capture.
  assert.deepEqual(writeQuery({ ...query, version: 2, group: null }), bytes("1164 ee9b 00000000"));
  const after = writeQuery({ ...query, version: 2, group: "239.1.2.3", responseMs: 1000 });
  assert.deepEqual(after, checked(bytes("110a 0000 ef010203")));
  const third = writeQuery({ ...query, version: 3, group: null });
  assert.deepEqual(third, checked(bytes("1164 0000 00000000 02 7d 0000")));
  const suppressed = writeQuery({ ...query, version: 3, group: "239.1.2.3", suppress: true });
  assert.deepEqual(suppressed, checked(bytes("1164 0000 ef010203 0a 7d 0000")));
});

test("a query is read as it was written, of each version", () => {
  const sent = {
    version: 3,
    group: "239.1.2.3",
    responseMs: 1000,
    robustness: 3,
    intervalMs: 60_000,
  } as const;
  assert.deepEqual(readIgmp(writeQuery({ ...sent, suppress: false })), { kind: "query", ...sent });
  const second = readIgmp(writeQuery({ ...query, version: 2, group: null }));
  const untold = { robustness: 0, intervalMs: 0 };
  const all = { kind: "query", group: null, responseMs: 10_000, ...untold };
  assert.deepEqual(second, { ...all, version: 2 });
  assert.deepEqual(readIgmp(bytes("1100 eeff 00000000")), { ...all, version: 1 });
});

test("times beyond 127 are rounded down to what eight bits hold", () => {
  for (const value of [0, 1, 100, 127, 128, 136, 1024, 31_744]) {
    assert.equal(readCode(writeCode(value)), value);
  }
  assert.equal(readCode(writeCode(129)), 128);
  assert.equal(readCode(writeCode(1e9)), 31_744);
  for (let code = 0; code < 256; code += 1) assert.equal(writeCode(readCode(code)), code);
  for (let value = 128, last = 0; value < 31_744; value += 7) {
    const read = readCode(writeCode(value));
    assert.ok(read <= value && read >= last && read > value * 0.94, String(value));
    last = read;
  }
});

test("reports of all versions: who wants a group, and who leaves it", () => {
  const says = (text: string) => readIgmp(checked(bytes(text)));
  const one = (wanted: boolean) => ({ kind: "report", groups: [{ group: "239.1.2.3", wanted }] });
  assert.deepEqual(says("1200 0000 ef010203"), one(true));
  assert.deepEqual(says("1600 0000 ef010203"), one(true));
  assert.deepEqual(says("1700 0000 ef010203"), one(false));
  const third = (records: string, count = 1) => says(`2200 0000 0000 000${count} ${records}`);
  assert.deepEqual(third("02000000 ef010203"), one(true), "is exclude {}");
  assert.deepEqual(third("04000000 ef010203"), one(true), "to exclude {}");
  assert.deepEqual(third("03000000 ef010203"), one(false), "to include {}");
  assert.deepEqual(third("03000001 ef010203 0a000001"), one(true), "to include one source");
  assert.deepEqual(third("05000001 ef010203 0a000001"), one(true), "allow one source");
  assert.deepEqual(third("06000001 ef010203 0a000001"), { kind: "report", groups: [] }, "block one source");
  // Auxiliary data and sources are stepped over.
  const two = third("04010001 ef010203 0a000001 11111111 03000000 ef010204", 2);
  assert.deepEqual(two, {
    kind: "report",
    groups: [
      { group: "239.1.2.3", wanted: true },
      { group: "239.1.2.4", wanted: false },
    ],
  });
  // It says that there are more records than there are.
  assert.deepEqual(third("04000000 ef010203", 9), one(true));
});

test("what is damaged, cut or of another kind is no message, and no bytes make it throw", () => {
  const whole = writeQuery({ ...query, version: 3, group: null });
  for (let at = 0; at < whole.length; at += 1) {
    const wrong = Buffer.from(whole);
    wrong[at] = (wrong[at] ?? 0) ^ 0x10;
    assert.equal(readIgmp(wrong), null);
  }
  assert.equal(readIgmp(whole.subarray(0, 4)), null);
  // Between the lengths of versions 2 and 3 (RFC 3376, 7.1).
  assert.equal(readIgmp(checked(bytes("1164 0000 00000000 0000"))), null);
  assert.equal(readIgmp(checked(bytes("1300 0000 00000000"))), null);
  const next = random(testSeed("IGMP messages"));
  for (let round = 0; round < 20_000; round += 1) {
    const noise = fillRandom(Buffer.alloc(8 + 2 * Math.floor(next() * 30)), next);
    noise[0] = [0x11, 0x12, 0x16, 0x17, 0x22][round % 5] ?? 0;
    readIgmp(checked(noise));
  }
});
