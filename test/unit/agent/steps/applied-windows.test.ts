/**
 * The image of a whole disk with a Windows on it: fitted where users' files are kept, and by what the disk held before. From a
 * WIM, by a site and with the steps that follow: test/e2e/wim-sequence.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import { fitDisk } from "../../../../agent/platform/linux/fit-disk.ts";
import type { FitWish } from "../../../../agent/platform/platform.ts";
import { holdReserve } from "../../../../agent/staging/reserve-partition.ts";
import { applyOperatingSystemImage } from "../../../../agent/steps/apply-operating-system-image.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { ImageApplier, KeptState, StepServices } from "../../../../agent/steps/services.ts";
import { diskImageApplier } from "../../../fixtures/disk-image-applier.ts";
import { firstSector, tableOf } from "../../../fixtures/disk-image.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk, type LoopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext, type TestContext } from "../../../fixtures/step-context.ts";
import { writeWim, writeWindows } from "../../../fixtures/windows-image.ts";

const megabyte = 2 ** 20;

interface Room {
  disk: LoopDisk;
  variables: Record<string, string>;
  /** What fitting was asked for, each time. */
  wishes: FitWish[];
  applier: ImageApplier;
  context(more?: Pick<StepServices, "diskFitting" | "keptState">): TestContext;
}

/** A disk of 96 MiB; the image has 64, of them 42 for Windows and 8 for an NTFS volume behind it. */
function makeRoom(t: Test): Room {
  const disk = loopDisk(t, { megabytes: 96 });
  const folder = testFolder(t);
  const [image, volume, behind] = [join(folder, "image"), join(folder, "volume"), join(folder, "behind")];
  for (const [path, size] of [
    [image, 64],
    [volume, 42],
    [behind, 8],
  ] as const) {
    writeFileSync(path, "");
    truncateSync(path, size * megabyte);
  }
  const data = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
  execFileSync("sfdisk", ["--quiet", image], {
    input: `label: gpt\nsize=8MiB, type=uefi\nsize=42MiB, type=${data}\nsize=8MiB, type=${data}\n`,
  });
  writeWindows(join(folder, "windows"));
  writeWim(join(folder, "windows.wim"), [join(folder, "windows")]);
  for (const [path, start] of [
    [volume, 9],
    [behind, 51],
  ] as const) {
    execFileSync("mkntfs", ["-F", "--fast", "--quiet", path], { stdio: "ignore" });
    if (path === volume) {
      execFileSync("wimlib-imagex", ["apply", join(folder, "windows.wim"), "1", path], { stdio: "ignore" });
    }
    execFileSync("dd", [`if=${path}`, `of=${image}`, "bs=1M", `seek=${start}`, "conv=notrunc"], {
      stdio: "ignore",
    });
  }
  const applier = diskImageApplier(image, megabyte);
  const room: Room = {
    disk,
    variables: {},
    wishes: [],
    applier,
    context(more = {}) {
      const services = {
        disks: disksOf(disk),
        folders: { work: join(folder, "work") },
        imageApplier: room.applier,
        diskFitting: {
          fit(path: string, wish: FitWish): Promise<string[]> {
            room.wishes.push(wish);
            return fitDisk(path, wish);
          },
          fitVolume: () => assert.fail("no volume is fitted"),
        },
        ...more,
      };
      const properties = { ImagePackageID: "VOL00001" };
      return testContext({ properties, variables: room.variables, services });
    },
  };
  return room;
}

async function apply(context: TestContext): Promise<void> {
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.match(outcome.text, /a Windows on C:: all of it by multicast/);
  assert.equal(context.variables.get("OSDTargetSystemRoot"), "C:\\Windows");
}

/** What the NTFS volume of that partition takes. */
const volumeBytes = ({ path }: LoopDisk, number: number): number =>
  Number(firstSector(`${path}p${number}`).readBigUInt64LE(40)) * 512;

test("what is kept on the disk stays where it is, and Windows ends before it", async (t) => {
  const room = makeRoom(t);
  const { facts, path } = room.disk;
  const place = { offset: 90 * megabyte, bytes: 3 * megabyte };
  const state = Buffer.alloc(place.bytes, 7);
  const file = openSync(path, "r+");
  writeSync(file, state, 0, state.length, place.offset);
  closeSync(file);
  const never = (): Promise<never> => Promise.reject(new Error("nothing is captured or comes back"));
  room.variables["_VolleyKeptState"] = "there";
  const keptState: KeptState = {
    folder: "",
    key: never,
    keep: never,
    note: never,
    fetch: never,
    forget: never,
    find: () => Promise.resolve(null),
    facts: () => ({ bytes: place.bytes, reserve: { identity: facts.identity, offset: place.offset } }),
    hold: async () => void (await holdReserve(path, place)),
  };
  await apply(room.context({ keptState }));
  const { partitions } = tableOf(path);
  const ends = partitions.map(({ size, start }) => [start / 2048, size / 2048]);
  assert.deepEqual(ends, [
    [1, 8],
    [9, 73],
    [82, 8],
    [90, 3],
  ]);
  const windows = volumeBytes(room.disk, 2);
  assert.ok(windows > 72 * megabyte && windows < 73 * megabyte, `${windows} bytes`);
  assert.ok(volumeBytes(room.disk, 3) < 8 * megabyte);
  execFileSync("blockdev", ["--flushbufs", path]);
  const found = Buffer.alloc(state.length);
  const again = openSync(path, "r");
  readSync(again, found, 0, found.length, place.offset);
  closeSync(again);
  assert.ok(found.equals(state));
  // Once more finds its own entry there, under an identifier that it has now.
  await holdReserve(path, place);
  assert.equal(tableOf(path).partitions.length, 4);
});

test("what the disk held before is known to an agent that was killed while it wrote", async (t) => {
  const room = makeRoom(t);
  const { path } = room.disk;
  const guid = "99999999-2222-3333-4444-555555555555";
  execFileSync("sfdisk", ["--quiet", path], { input: `label: gpt\nsize=8MiB, uuid=${guid}\n` });
  const whole = room.applier;
  room.applier = {
    ...whole,
    writeTo({ device }) {
      execFileSync("dd", ["if=/dev/zero", `of=${device}`, "bs=1M", "count=96"], { stdio: "ignore" });
      return Promise.reject(new VolleyError("E_CANCELLED", "it is killed"));
    },
  };
  await assert.rejects(async () => applyOperatingSystemImage.perform(room.context()), {
    code: "E_CANCELLED",
  });
  room.applier = whole;
  await apply(room.context());
  assert.deepEqual(room.wishes, [{ partitionsBefore: [guid], keptFrom: null }]);
});

test("no step takes a disk that was not fitted for an applied Windows", async (t) => {
  const room = makeRoom(t);
  const fails = new VolleyError("E_TOOL_FAILED", "sfdisk: the disk is gone");
  const context = room.context({
    diskFitting: { fit: () => Promise.reject(fails), fitVolume: () => Promise.reject(fails) },
  });
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, codes.failed);
  assert.match(
    outcome.text,
    /VOL00001 is on .* did not become this computer's own: E_TOOL_FAILED: sfdisk: the disk/,
  );
  const left = context.variables.names().filter((name) => /^(OSDTarget|_VolleyVolume)/.test(name));
  assert.deepEqual(left, []);
});
