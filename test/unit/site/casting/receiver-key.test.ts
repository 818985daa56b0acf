/** The key a join hands out, by an independent BLAKE3. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { receiverKey } from "../../../../native/index.ts";

test("a receiver's key is derived as docs/PROTOCOL.md says", () => {
  for (const [session, receiver] of [
    [0, 0],
    [1, 2],
    [2 ** 32 - 1, 65_536],
  ] as const) {
    const feedbackSecret = randomBytes(32);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32LE(session, 0);
    numbers.writeUInt32LE(receiver, 4);
    const input = Buffer.concat([feedbackSecret, numbers]);
    const words = ["--derive-key", "volley 1 receiver key", "--no-names"];
    const expected = execFileSync("b3sum", words, { input, encoding: "utf8" }).trim();
    assert.equal(receiverKey({ feedbackSecret, session, receiver }).toString("hex"), expected);
  }
});
