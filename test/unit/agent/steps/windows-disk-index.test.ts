/** A disk's index in a sequence of Windows PE is Windows' own number, whichever disks stand before it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listDisks } from "../../../../agent/platform/windows/disks.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { laptop } from "../../../fixtures/windows-facts.ts";
import { makeRoom, succeed } from "../../../fixtures/windows-room.ts";

test("a stick that Windows numbers first is refused, and is not partitioned in another disk's place", async (t) => {
  const room = makeRoom(t, "winpe");
  const facts = laptop(true);
  const [, data, stick] = facts.shown;
  assert.ok(data && stick);
  facts.shown = [
    { ...stick, number: 0, path: "\\\\.\\PhysicalDrive0" },
    { ...data, number: 1, path: "\\\\.\\PhysicalDrive1", sizeBytes: 64_000 * 2 ** 20 },
  ];
  room.services.disks = { list: () => Promise.resolve(listDisks(facts)) };
  const [first] = room.machine.disks;
  assert.ok(first);
  room.machine.disks = [first, { sizeMegabytes: 64_000, style: "raw", dynamic: false, partitions: [] }];
  const properties = {
    PartitionStyle: "GPT",
    Partitions: "1",
    Partitions0Type: "PRIMARY",
    Partitions0FileSystem: "NTFS",
    Partitions0Size: "100",
    Partitions0SizeUnits: "PERCENT",
  };
  const partition = (DiskIndex: string) => room.perform("PartitionDisk", { DiskIndex, ...properties });
  const refused = await partition("0");
  assert.equal(refused.outcome.exitCode, codes.accessDenied);
  assert.match(refused.outcome.text, /^Disk 0, .*PhysicalDrive0, is removable/);
  assert.equal(room.machine.done.length, 0);
  succeed(await partition("1"));
  assert.ok(room.machine.done.includes("select disk 1"));
  assert.ok(!room.machine.done.includes("select disk 0"));
  assert.equal((await partition("2")).outcome.exitCode, codes.notFound);
});
