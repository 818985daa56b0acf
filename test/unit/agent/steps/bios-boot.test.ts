/** Windows from a WIM onto an MBR disk in a Linux PE: what a BIOS and bootmgr read, read back. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { partitionDevice } from "../../../../windows/boot-configuration.ts";
import { checkBios } from "../../../../agent/steps/boot-files/bios.ts";
import { writeWhole } from "../../../../agent/steps/boot-files/grub.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { hostPath, unmountVolume } from "../../../../agent/steps/volumes.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { biosRoom } from "../../../fixtures/bios-room.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { readHive } from "../../../fixtures/hives.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { writeWim, writeWindows } from "../../../fixtures/windows-image.ts";

function readAt(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(path, "r");
  readSync(descriptor, bytes, 0, length, offset);
  closeSync(descriptor);
  return bytes;
}

function writeAt(path: string, bytes: Buffer, offset: number): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

for (const system of ["NTFS", "FAT32", null] as const) {
  const what = system === null ? "the volume of Windows itself" : `an active partition with ${system}`;
  test(`GRUB in the gap, bootmgr and a store on ${what}`, async (t) => {
    const room = await biosRoom(t, system);
    const tableBefore = readAt(room.disk.path, 440, 72);
    const context = room.apply();
    const outcome = await room.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    assert.deepEqual(context.plans, [], "nothing is lost");
    assert.deepEqual(readAt(room.disk.path, 440, 72), tableBefore, "signature and partitions stay");
    const first = readAt(room.disk.path, 0, 512);
    assert.equal(first.readBigUInt64LE(0x5c), 1n, "the first sector loads the second");
    assert.equal(first.readUInt16LE(0x66), 0x9090);
    const core = readAt(room.disk.path, 512, 512);
    assert.equal(core.readBigUInt64LE(0x1f4), 2n, "which loads what follows it");
    const coreBytes = 512 * (1 + core.readUInt16LE(0x1fc));
    assert.ok(coreBytes > 20_000 && coreBytes < 1024 ** 2 - 512, String(coreBytes));
    const root = await room.systemRoot(context);
    assert.match(readFileSync(join(root, "bootmgr"), "latin1"), /bootmgr runs/);
    for (const path of ["en-US/bootmgr.exe.mui", "memtest.exe", "Fonts/wgl4_boot.ttf"]) {
      assert.ok(readFileSync(join(root, "Boot", path)).length > 0, path);
    }
    const hive = readHive(join(root, "Boot/BCD")).replaceAll(/\\\r?\n\s*/g, "");
    room.leave();
    const { partitiontable } = JSON.parse(
      execFileSync("sfdisk", ["--json", room.disk.path], { encoding: "utf8" }),
    ) as { partitiontable: { id: string; partitions: { start: number; bootable?: boolean }[] } };
    const windows = partitiontable.partitions[system === null ? 0 : 1];
    assert.ok(windows);
    const signature = partitiontable.id.replace("0x", "");
    const device = partitionDevice({ style: "MBR", signature, startBytes: windows.start * 512 });
    const hex = [...device].map((byte) => byte.toString(16).padStart(2, "0")).join(",");
    assert.equal(hive.split(hex).length - 1, 2, "the loader's device and osdevice are the partition");
    const utf16 = (text: string): string =>
      [...Buffer.from(text, "utf16le")].map((byte) => byte.toString(16).padStart(2, "0")).join(",");
    assert.ok(hive.includes(utf16("winload.exe")) && !hive.includes(utf16(".efi")), "by the BIOS's loader");
    await unmountVolume(context, "C");
    // A second time over what is there.
    const second = room.apply();
    const again = await room.perform(second);
    assert.match(
      second.plans.flat()[0] ?? "",
      /^The boot configuration of .*p1 \(\\Boot\\BCD\) is replaced; /,
    );
    assert.equal(again.exitCode, 0, `${again.text}\n${again.output}`);
    assert.equal(readFileSync(await hostPath(context, "C:\\Users\\Public\\marker.txt"), "utf8"), "one");
  });
}

test("a cancellation while boot files are copied leaves the active partition as it is, and unmounted", async (t) => {
  const room = await biosRoom(t, "NTFS");
  const folder = testFolder(t);
  const system = `${room.disk.path}p1`;
  execFileSync("ntfs-3g", [system, folder]);
  writeFileSync(join(folder, "kept.txt"), "kept");
  execFileSync("umount", [folder]);
  const context = room.apply();
  const { run } = context.tools;
  let isCancelled = false;
  context.tools.run = async (tool) => {
    if (isCancelled) throw new VolleyError("E_CANCELLED", "cancelled");
    const result = await run(tool);
    isCancelled = tool.command[0] === "ntfs-3g" && tool.command[1] === system;
    return result;
  };
  await assert.rejects(room.perform(context), { code: "E_CANCELLED" });
  assert.ok(isCancelled);
  assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(`${system} `), "nothing is mounted");
  execFileSync("mount", ["-o", "ro", "-t", "ntfs-3g", system, folder]);
  const kept = readFileSync(join(folder, "kept.txt"), "utf8");
  execFileSync("umount", [folder]);
  assert.equal(kept, "kept");
});

test("boot code that is not ours is shown before it is replaced, and stays when a person says no", async (t) => {
  const room = await biosRoom(t, "FAT32");
  const foreign = Buffer.alloc(440, 0xeb);
  writeAt(room.disk.path, foreign, 0);
  const context = room.apply();
  const shown: string[] = [];
  const show = (lines: readonly string[]): Promise<void> => {
    shown.push(...lines);
    return Promise.reject(new VolleyError("E_PLAN_DECLINED", "no"));
  };
  context.services = { ...context.services, plans: { show } };
  const outcome = await room.perform(context);
  assert.equal(outcome.exitCode, codes.accessDenied, outcome.text);
  const line = `The boot code of ${room.disk.path} is replaced; what it starts now will not start any more`;
  assert.deepEqual(shown, [line]);
  assert.deepEqual(readAt(room.disk.path, 0, 440), foreign);
  assert.ok(!context.runs.some(({ command }) => command[1] === "apply"));
});

test("an image without bootmgr is refused before anything is written", async (t) => {
  const room = await biosRoom(t, "FAT32");
  const context = room.apply();
  const folder = testFolder(t);
  writeWindows(join(folder, "windows"));
  rmSync(join(folder, "windows/Windows/Boot/PCAT/bootmgr"));
  writeWim(join(folder, "image/windows.wim"), [join(folder, "windows")]);
  context.content.folderOf = () => Promise.resolve(join(folder, "image"));
  const outcome = await room.perform(context);
  assert.equal(outcome.exitCode, codes.notSupported, outcome.text);
  assert.match(outcome.text, /no Windows\\Boot\\PCAT\\bootmgr/);
  assert.ok(!context.runs.some(({ command }) => command[1] === "apply"));
});

test("too little room before the first partition is found before anything is written", async (t) => {
  const { disk } = await biosRoom(t, "FAT32");
  const services = { folders: { work: join(testFolder(t), "work") } };
  const partition = {
    number: 1,
    device: `${disk.path}p1`,
    startBytes: 34 * 512,
    sizeBytes: 2 ** 20,
    typeCode: "0c",
    guid: "",
    active: true,
    isData: true,
    fileSystem: "vfat",
  };
  const table = { disk: disk.path, style: "MBR", diskId: "0", partition, partitions: [partition] } as const;
  const check = checkBios(testContext({ services }), { ...table, partitions: [partition] });
  await assert.rejects(check, { exitCode: codes.diskFull });
});

test("a device that takes less than it is given gets the rest", async () => {
  const there = Buffer.alloc(600);
  const write = (bytes: Buffer, from: number, length: number, at: number) => {
    const taken = Math.min(length, 100);
    bytes.copy(there, at, from, from + taken);
    return Promise.resolve({ bytesWritten: taken, buffer: bytes });
  };
  const bytes = Buffer.from(Array.from({ length: 350 }, (_, index) => index % 251));
  await writeWhole({ write } as unknown as FileHandle, bytes, 50);
  assert.deepEqual(there.subarray(50, 400), bytes);
  const full = { write: () => Promise.resolve({ bytesWritten: 0 }) } as unknown as FileHandle;
  await assert.rejects(writeWhole(full, bytes, 0), { exitCode: codes.failed });
});

test("what a BIOS cannot start is refused before anything is written", async (t) => {
  const room = await biosRoom(t, "NTFS");
  execFileSync("sfdisk", ["--quiet", "--no-reread", "--activate", room.disk.path, "-"], { stdio: "ignore" });
  const context = room.apply();
  const outcome = await room.perform(context);
  assert.equal(outcome.exitCode, codes.notFound, outcome.text);
  assert.match(outcome.text, /no active partition/);
  assert.ok(!context.runs.some(({ command }) => command[0] === "wimlib-imagex"));
});
