/** What is read from partition tables, and what is refused as cut short. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectPartitions } from "../../../../site/content/partition-table.ts";
import { MemoryDisk, types, writeBootCode, writeGpt, writeMbr } from "../../../fixtures/partition-tables.ts";

const mebibyte = 1 << 20;

test("a disk without a table is a data disk", async () => {
  const disk = new MemoryDisk(mebibyte);
  assert.deepEqual(await inspectPartitions(disk), { firmware: [], sectorBytes: 512 });
  // A file system's own boot sector ends like a partition table, and has code where the table would be.
  disk.bytes.fill(0x41, 0, 510);
  disk.bytes.writeUInt16LE(0xaa55, 510);
  assert.deepEqual(await inspectPartitions(disk), { firmware: [], sectorBytes: 512 });
  assert.deepEqual(await inspectPartitions(new MemoryDisk(512)), { firmware: [], sectorBytes: 512 });
});

test("an MBR boots with BIOS by boot code and an active partition, or by GRUB", async () => {
  const partition = { type: 0x83, first: 64, count: 512 };
  const disk = new MemoryDisk(mebibyte);
  writeMbr(disk.bytes, [{ ...partition, active: true }]);
  assert.deepEqual((await inspectPartitions(disk)).firmware, [], "no boot code");
  writeBootCode(disk.bytes);
  assert.deepEqual((await inspectPartitions(disk)).firmware, ["bios"]);
  writeMbr(disk.bytes, [partition]);
  assert.deepEqual((await inspectPartitions(disk)).firmware, [], "nothing is active");
  writeBootCode(disk.bytes, "..GRUB..");
  assert.deepEqual((await inspectPartitions(disk)).firmware, ["bios"]);
  writeMbr(disk.bytes, [{ ...partition, type: 0xef }]);
  assert.deepEqual((await inspectPartitions(disk)).firmware, ["bios", "uefi"]);
});

test("a GPT tells firmware and sector size", async () => {
  for (const sectorBytes of [512, 4096]) {
    const disk = new MemoryDisk(4 * mebibyte);
    const system = { type: types.system, first: 40, last: 60 };
    writeGpt(disk.bytes, [system], { sectorBytes });
    assert.deepEqual(await inspectPartitions(disk), { firmware: ["uefi"], sectorBytes });
    const biosBoot = { type: types.biosBoot, first: 70, last: 80 };
    writeGpt(disk.bytes, [system, biosBoot], { sectorBytes });
    assert.deepEqual((await inspectPartitions(disk)).firmware, ["uefi"], "a place for boot code, but none");
    writeBootCode(disk.bytes);
    assert.deepEqual((await inspectPartitions(disk)).firmware, ["bios", "uefi"]);
    writeGpt(disk.bytes, [{ type: types.data, first: 40, last: 60, attributes: 4n }], { sectorBytes });
    disk.bytes.fill(0, 2 * sectorBytes + 128, 2 * sectorBytes + 256);
    assert.deepEqual((await inspectPartitions(disk)).firmware, ["bios"], "marked as bootable by BIOS");
  }
});

test("a disk that its table reaches beyond is cut short", async () => {
  const cut = { code: "E_IMAGE_TRUNCATED" };
  const gpt = new MemoryDisk(4 * mebibyte);
  writeGpt(gpt.bytes, [{ type: types.data, first: 2048, last: 6000 }]);
  await inspectPartitions(gpt);
  await assert.rejects(inspectPartitions(gpt.cut(4 * mebibyte - 512)), cut);
  await assert.rejects(inspectPartitions(gpt.cut(mebibyte)), cut);

  const grown = new MemoryDisk(8 * mebibyte);
  writeGpt(grown.bytes, [{ type: types.data, first: 2048, last: 6000 }], { alternate: 8191 });
  await inspectPartitions(grown);
  grown.bytes.fill(0, 8191 * 512, 8192 * 512);
  await assert.rejects(inspectPartitions(grown), cut, "the second header is gone");

  const beyond = new MemoryDisk(4 * mebibyte);
  writeGpt(beyond.bytes, [{ type: types.data, first: 2048, last: 8192 }]);
  await assert.rejects(inspectPartitions(beyond), cut);
  const headless = new MemoryDisk(4 * mebibyte);
  writeGpt(headless.bytes, []);
  headless.bytes.fill(0, 512, 1024);
  await assert.rejects(inspectPartitions(headless), cut);

  const mbr = new MemoryDisk(mebibyte);
  writeMbr(mbr.bytes, [{ type: 0x83, first: 64, count: 2048 - 64 }]);
  await inspectPartitions(mbr);
  await assert.rejects(inspectPartitions(mbr.cut(mebibyte - 512)), cut);
});

test("a table of nonsense is refused without being believed", async () => {
  const disk = new MemoryDisk(mebibyte);
  writeGpt(disk.bytes, []);
  disk.bytes.writeUInt32LE(0xffff_ffff, 512 + 80);
  await assert.rejects(inspectPartitions(disk), { code: "E_IMAGE_TRUNCATED" });
  writeGpt(disk.bytes, []);
  disk.bytes.writeBigUInt64LE(2n ** 64n - 1n, 512 + 72);
  await assert.rejects(inspectPartitions(disk), { code: "E_IMAGE_TRUNCATED" });
});
