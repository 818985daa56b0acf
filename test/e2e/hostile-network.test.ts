/** Loss, bursts, duplicates, reordering and an attacker, with real sockets and real files: the disks are right. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  assertHolds,
  cast,
  prepareImage,
  residentBytes,
  startRelay,
  type PreparedImage,
} from "../fixtures/native-session.ts";
import { writeUsedDisk } from "../fixtures/images.ts";
import { testSeed } from "../fixtures/random.ts";
import type { RelayOptions } from "../fixtures/relay.ts";

const mebibytes = 24;
const seed = testSeed("hostile network");
const sent = { group: "239.255.71.1", port: 17_101 };
const heard = { group: "239.255.71.2", port: 17_102 };
let folder: string;
let image: PreparedImage;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "volley-hostile-"));
  image = await prepareImage(folder, mebibytes, seed);
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Case {
  name: string;
  network: Partial<RelayOptions>;
  rateBytesPerSecond: number;
}

const cases: Case[] = [
  { name: "1 % loss", network: { loss: 0.01 }, rateBytesPerSecond: 12e6 },
  { name: "10 % loss", network: { loss: 0.1 }, rateBytesPerSecond: 12e6 },
  {
    name: "bursts of loss",
    network: { burstLength: 60, burstDistance: 800 },
    rateBytesPerSecond: 12e6,
  },
  { name: "5 % duplicates", network: { duplicates: 0.05 }, rateBytesPerSecond: 12e6 },
  { name: "reordering", network: { reordered: 0.05 }, rateBytesPerSecond: 12e6 },
  {
    name: "all of it, and an attacker at ten times the real rate",
    network: { loss: 0.01, duplicates: 0.05, reordered: 0.05, hostilePerDatagram: 10 },
    rateBytesPerSecond: 3e6,
  },
];

for (const { name, network, rateBytesPerSecond } of cases) {
  test(name, { timeout: 120_000 }, async () => {
    const disks = [1, 2].map((number) => join(folder, `disk-${number}.raw`));
    for (const disk of disks) await writeUsedDisk(disk, mebibytes);
    const relay = await startRelay({ from: sent, to: heard, seed, ...network });
    const session = cast(image, { ...sent, rateBytesPerSecond }, heard);
    const residentBefore = await residentBytes();
    const receivers = disks.map((disk) => session.receive(disk));
    const results = await Promise.all(receivers.map((receiver) => receiver.finished));
    const grown = (await residentBytes()) - residentBefore;
    const statistics = receivers.map((receiver) => receiver.statistics());
    await session.caster.stop();
    const counts = await relay.stop();
    console.log(`# ${name}: ${JSON.stringify(counts)} ${JSON.stringify(statistics[0])}`);

    for (const result of results) assert.equal(result.root, image.root);
    for (const disk of disks) await assertHolds(disk, image);
    assert.ok(counts.heard > 500, "the relay heard the session");
    assert.ok(grown < 2 * 200e6, `memory grew by ${grown} bytes for two receivers`);
    for (const one of statistics) {
      if (network.hostilePerDatagram) {
        assert.ok(one.refusedDatagrams > counts.heard, "hostile datagrams were refused");
      }
      // Made good they were, by parity, another turn or unicast: the disk is right.
      if (network.loss || network.burstLength) assert.ok(one.lostDatagrams > 0, "something was lost");
    }
  });
}

test("a group nobody sends to: everything by unicast", { timeout: 60_000 }, async () => {
  const disk = join(folder, "disk-1.raw");
  await writeUsedDisk(disk, mebibytes);
  const session = cast(image, sent, { group: "239.255.71.3", port: 17_103 });
  const receiver = session.receive(disk, { silenceMs: 500 });
  await receiver.finished;
  await session.caster.stop();
  await assertHolds(disk, image);
  assert.equal(receiver.statistics().chunksByMulticast, 0);
  assert.ok(receiver.statistics().unicastBytes > 0);
});
