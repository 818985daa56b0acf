/** Casters and receivers as JavaScript holds them: figures, ends, errors and argument checks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openCaster, type CasterOptions } from "../../../native/index.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { cast, prepareImage, type Cast } from "../../fixtures/native-session.ts";
import { testSeed } from "../../fixtures/random.ts";

const group = "239.255.77.9";

async function session(context: TestContext, port: number): Promise<Cast> {
  const image = await prepareImage(testFolder(context), 4, testSeed(context.name));
  return cast(image, { group, port });
}

test("a cast to a receiver ends with the root, and both can be asked afterwards", async (context) => {
  const { image, caster, receive } = await session(context, 47_091);
  const receiver = receive(null);
  assert.deepEqual(await receiver.finished, { root: image.root });
  const received = receiver.statistics();
  assert.equal(received.phase, "done");
  assert.equal(received.chunksPresent, received.chunksTotal);
  assert.equal(received.bytesVerified, image.bytes);
  receiver.cancel(); // harmless afterwards

  const stopped = caster.stop();
  const stoppedToo = caster.stop();
  await Promise.all([stopped, stoppedToo, caster.finished]);
  await caster.stop();
  caster.setRate(1000);
  const sent = caster.statistics();
  assert.ok(sent.sourceSymbols > 0 || sent.unicastBytes > 0);
  assert.equal(sent.reportsRefused, 0);
});

test("a receiver that nobody sends to is cancelled at once", async (context) => {
  const { caster, receive } = await session(context, 47_092);
  await caster.stop();
  const receiver = receive(null, { unicast: null, silenceMs: 60_000 });
  const rejected = assert.rejects(receiver.finished, { code: "E_CANCELLED" });
  const start = performance.now();
  receiver.cancel();
  await rejected;
  assert.ok(performance.now() - start < 20_000);
  assert.equal(receiver.statistics().phase, "failed");
});

test("what cannot be opened is thrown, with its fields", async (context) => {
  const { image, caster, receive } = await session(context, 47_093);
  const missing = join(testFolder(context), "missing");
  const expected = { code: "E_DEVICE_OPEN", systemError: 2, device: missing };
  assert.throws(() => receive(missing), expected);
  const options: CasterOptions = {
    manifest: image.manifest,
    contentPath: missing,
    sessionKey: Buffer.alloc(32),
    feedbackSecret: Buffer.alloc(32),
    session: 1,
    start: 1,
    stream: 0,
    group,
    port: 47_094,
    interfaceAddress: "127.0.0.1",
    feedbackPort: 0,
    unicastPort: 0,
    timeToLive: 0,
    mtu: 1500,
    rateBytesPerSecond: 0,
  };
  assert.throws(() => openCaster(options), { code: "E_CONTENT_READ", systemError: 2, device: missing });
  const contentPath = image.contentPath;
  const garbage = { ...options, contentPath, manifest: Buffer.alloc(300) };
  assert.throws(() => openCaster(garbage), { code: "E_MANIFEST_INVALID" });
  const taken = { ...options, contentPath, feedbackPort: caster.ports.feedback };
  assert.throws(() => openCaster(taken), { code: "E_SOCKET", call: "bind" });

  const refuses = (changes: Partial<CasterOptions>, message: RegExp): void => {
    assert.throws(() => openCaster({ ...options, contentPath, ...changes }), { name: "TypeError", message });
  };
  refuses({ sessionKey: Buffer.alloc(31) }, /Expected 32 bytes for sessionKey but received 31 bytes/);
  refuses({ group: "10.0.0.1" }, /multicast address .* for group/);
  refuses({ interfaceAddress: "eth0" }, /an IPv4 address for interfaceAddress but received eth0/);
  refuses({ stream: 65_536 }, /for stream/);
  refuses({ timeToLive: 256 }, /an integer from 0 to 255 for timeToLive but received 256/);
  refuses({ feedbackPort: -1 }, /for feedbackPort but received -1/);
  assert.throws(() => receive(null, { receiverKey: Buffer.alloc(0) }), /Expected 32 bytes for receiverKey/);
  assert.throws(
    () => receive(null, { feedback: { address: "127.0.0.1", port: 0 } }),
    /for feedback.port but received 0/,
  );
  assert.throws(() => caster.setRate(-1), /rateBytesPerSecond/);
  await caster.stop();
});
