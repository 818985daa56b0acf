/** Datagrams of examinations: what is written is read, and nothing else is. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { DatagramCodec, packetHeaderBytes } from "../../../contract/doctor-datagram.ts";
import { limits } from "../../../contract/limits.ts";

const id = randomUUID();
const key = randomBytes(32).toString("hex");
const codec = new DatagramCodec(id, key);
const least = {
  kind: "test",
  burst: 7,
  number: 4_000_000_000,
  packetBytes: limits.doctorPacketBytesLeast,
} as const;

test("every kind and size comes back as it was", () => {
  for (const kind of ["test", "question", "echo"] as const) {
    for (const packetBytes of [limits.doctorPacketBytesLeast, 1500, 9000]) {
      const payload = codec.write({ ...least, kind, packetBytes });
      assert.equal(payload.length, packetBytes - packetHeaderBytes);
      assert.deepEqual(codec.read(payload), { ...least, kind, packetBytes });
    }
  }
});

test("the bytes are those of docs/PROTOCOL.md", () => {
  const payload = codec.write({ ...least, packetBytes: 100 });
  assert.equal(payload.toString("latin1", 0, 4), "VLYD");
  assert.deepEqual([...payload.subarray(4, 8)], [1, 0, 72, 0]);
  assert.equal(payload.toString("hex", 8, 24), id.replaceAll("-", ""));
  assert.deepEqual([payload.readUInt32LE(24), payload.readUInt32LE(28)], [7, 4_000_000_000]);
  assert.ok(payload.subarray(48).every((byte) => byte === 0));
});

test("cut, lengthened, changed in any byte that counts, of another key or examination: nothing", () => {
  const payload = codec.write(least);
  assert.equal(codec.read(payload.subarray(0, -1)), null);
  assert.equal(codec.read(Buffer.concat([payload, Buffer.alloc(1)])), null);
  assert.equal(codec.read(Buffer.alloc(0)), null);
  for (let at = 0; at < payload.length; at += 1) {
    const changed = Buffer.from(payload);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    assert.equal(codec.read(changed), null, `byte ${at}`);
  }
  assert.equal(new DatagramCodec(id, randomBytes(32).toString("hex")).read(payload), null);
  assert.equal(new DatagramCodec(randomUUID(), key).read(payload), null);
});
