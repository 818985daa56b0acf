/** The partition tables that the agent reads and writes by itself, as sfdisk sees them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { piecesOf, readDiskTable, type DiskTable } from "../../../agent/platform/disk-table.ts";
import { roomOnDisk } from "../../../agent/platform/room-on-disk.ts";
import { tableOf } from "../../fixtures/disk-image.ts";
import { loopDisk } from "../../fixtures/loop-disk.ts";

const megabytes = 64;

function partitioned(t: TestContext, sectorBytes: 512 | 4096, ...lines: string[]): string {
  const disk = loopDisk(t, { megabytes, sectorBytes }).path;
  execFileSync("sfdisk", ["--quiet", "--wipe", "always", disk], { input: `${lines.join("\n")}\n` });
  return disk;
}

function read(disk: string, sectorBytes: number): Promise<DiskTable | null> {
  return readDiskTable((offset, count) => {
    const bytes = Buffer.alloc(count);
    const file = openSync(disk, "r");
    const got = readSync(file, bytes, 0, count, offset);
    closeSync(file);
    return Promise.resolve(bytes.subarray(0, got));
  }, sectorBytes);
}

function write(disk: string, table: DiskTable): void {
  const file = openSync(disk, "r+");
  const sectors = (megabytes * 2 ** 20) / table.sectorBytes;
  for (const { bytes, offset } of piecesOf(table, sectors)) writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

for (const sectorBytes of [512, 4096] as const) {
  test(`a GPT of sectors of ${sectorBytes} bytes: read, changed and found again, also by its second table`, async (t) => {
    const scale = sectorBytes / 512;
    const place = (start: number, size: number): string => `start=${start / scale}, size=${size / scale}`;
    const disk = partitioned(
      t,
      sectorBytes,
      "label: gpt",
      `${place(2048, 8192)}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system"`,
      `${place(16_384, 16_384)}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, attrs="GUID:63"`,
    );
    const table = await read(disk, sectorBytes);
    assert.ok(table);
    const seen = tableOf(disk);
    assert.equal(table.id, seen.id);
    const [first, second] = table.partitions;
    assert.ok(first && second);
    assert.deepEqual(
      table.partitions.map(({ size, start, type, uuid }) => [start, size, type, uuid]),
      seen.partitions.map(({ size, start, type, uuid }) => [start, size, type, uuid]),
    );
    const uuid = "0B6EF6A1-52CD-4F4C-B6E4-1F6D7A9B0C11";
    const moved = { ...second, start: 65_536 / scale, uuid };
    write(disk, { ...table, id: uuid, partitions: [first, moved] });
    const now = tableOf(disk);
    assert.equal(now.id, uuid);
    assert.equal(now.partitions[1]?.start, 65_536 / scale);
    assert.equal(now.partitions[1].uuid, uuid);
    assert.equal(now.partitions[1].attrs, "GUID:63");
    execFileSync("sfdisk", ["--verify", disk], { stdio: "ignore" });
    // Without the first table the second one says the same.
    execFileSync("dd", ["if=/dev/zero", `of=${disk}`, `bs=${sectorBytes}`, "seek=1", "count=1"], {
      stdio: "ignore",
    });
    assert.deepEqual(tableOf(disk).partitions, now.partitions);
    assert.equal(await read(disk, sectorBytes), null);
  });
}

test("an MBR gets another signature and places, and keeps what else is in its sector", async (t) => {
  const disk = partitioned(t, 512, "label: dos", "2048,8192,7,*", "16384,16384,c");
  const table = await read(disk, 512);
  assert.ok(table);
  const [first, second] = table.partitions;
  assert.ok(first?.bootable === true && second?.type === "c");
  write(disk, { ...table, id: "89abcdef", partitions: [first, { ...second, start: 65_536 }] });
  const now = tableOf(disk);
  assert.equal(now.id, "0x89abcdef");
  assert.deepEqual(
    now.partitions.map(({ size, start, type }) => [start, size, type]),
    [
      [2048, 8192, "7"],
      [65_536, 16_384, "c"],
    ],
  );
  assert.equal(now.partitions[0]?.bootable, true);
});

test("a GPT whose sums are wrong is none", async (t) => {
  const disk = partitioned(t, 512, "label: gpt", "start=2048, size=8192");
  const file = openSync(disk, "r+");
  writeSync(file, Buffer.of(0x55), 0, 1, 1024 + 40);
  closeSync(file);
  assert.equal(await read(disk, 512), null);
});

test("what stands behind Windows goes to the end, in an order in which nothing is written over", () => {
  const windows = { number: 3, start: 4096, size: 20_480 };
  const partitions = [
    { number: 1, start: 2048, size: 2048 },
    windows,
    { number: 5, start: 24_576, size: 2048 },
    { number: 4, start: 26_624, size: 1000 },
  ];
  const room = roomOnDisk({ label: "gpt", sectorBytes: 512, partitions }, windows, 102_400);
  assert.deepEqual(
    [...(room?.places ?? [])],
    [
      [4, 98_304],
      [5, 96_256],
    ],
  );
  assert.equal(room?.size, 96_256 - 4096);
  assert.equal(roomOnDisk({ label: "gpt", sectorBytes: 512, partitions }, windows, 31_000), null);
});
