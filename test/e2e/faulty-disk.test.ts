/**
 * Disks that fail, fill up or lie: that machine fails by name, with chunk, offset, device and remedy, and the others
 * do not notice.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isErrorCode } from "../../contract/errors.ts";
import type { NativeError } from "../../native/index.ts";
import { mountFaultyDisk, type Faults } from "../fixtures/faulty-disk.ts";
import { assertHolds, cast, prepareImage, type PreparedImage } from "../fixtures/native-session.ts";
import { writeUsedDisk } from "../fixtures/images.ts";
import { testSeed } from "../fixtures/random.ts";

const mebibytes = 24;
const seed = testSeed("faulty disks");
const group = { group: "239.255.72.1", port: 17_201 };
let folder: string;
let image: PreparedImage;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "volley-faulty-"));
  image = await prepareImage(folder, mebibytes, seed);
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

const spot = (9 << 20) + 4096 * 3 + 17;
const cases: { name: string; faults: Faults; code: string; offset: number | null }[] = [
  { name: "a write that fails", faults: { failWrite: spot }, code: "E_DEVICE_WRITE", offset: 9 << 20 },
  { name: "a disk that is full", faults: { fullAt: spot }, code: "E_DEVICE_FULL", offset: null },
  { name: "a disk that returns other bytes", faults: { lieAt: spot }, code: "E_DEVICE_MISMATCH", offset: 9 << 20 },
  { name: "a read that fails", faults: { failRead: spot }, code: "E_DEVICE_READ", offset: null },
];

for (const { name, faults, code, offset } of cases) {
  test(`${name}: that machine fails, the others do not notice`, { timeout: 120_000 }, async () => {
    const backing = join(folder, "faulty.raw");
    const good = join(folder, "good.raw");
    await writeFile(backing, "");
    await truncate(backing, mebibytes << 20);
    await writeUsedDisk(backing, mebibytes);
    await writeUsedDisk(good, mebibytes);
    const disk = await mountFaultyDisk(backing, faults);
    const session = cast(image, { ...group, rateBytesPerSecond: 20e6 });
    const healthy = session.receive(good);
    const sick = session.receive(disk.path);
    try {
      const failure = await sick.finished.then(
        () => assert.fail("the faulty disk succeeded"),
        (error: unknown) => error as NativeError,
      );
      assert.ok(isErrorCode(failure.code), `${failure.code} is in the registry`);
      assert.equal(failure.code, code, failure.message);
      assert.equal(failure.device, disk.path);
      assert.equal(failure.chunk, 9, failure.message);
      if (offset === null) assert.ok(failure.offset >= 0, failure.message);
      else assert.ok(failure.offset >= offset && failure.offset < offset + (1 << 20), `offset ${failure.offset}`);
      assert.equal(sick.statistics().phase, "failed");

      assert.equal((await healthy.finished).root, image.root);
      await assertHolds(good, image);
    } finally {
      for (const receiver of [healthy, sick]) receiver.cancel();
      await Promise.allSettled([healthy.finished, sick.finished]);
      await session.caster.stop();
      await disk.remove();
    }
  });
}
