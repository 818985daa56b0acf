/**
 * A sequence in Windows PE puts the image of a volume onto the partition that it has made: the shipped one for bare metal, from
 * an empty disk to the restart into the new Windows, over doubles of Windows' tools and a file for the disk.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { fileURLToPath } from "node:url";
import { listDisks } from "../../../../agent/platform/windows/disks.ts";
import { fitVolume } from "../../../../agent/platform/windows/fit-volume.ts";
import { readSequenceFile } from "../../../../agent/sequence/reading/file.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { inf, networkCard } from "../../../fixtures/inf-text.ts";
import { runInWindowsPe } from "../../../fixtures/sequence-in-pe.ts";
import { laptop } from "../../../fixtures/windows-facts.ts";
import { writeWim, writeWindows } from "../../../fixtures/windows-image.ts";
import { windowsPeDisk, type PeDisk } from "../../../fixtures/windows-pe-disk.ts";
import { giveAgent, makeRoom, succeed, type Room } from "../../../fixtures/windows-room.ts";

const bareMetal = fileURLToPath(new URL("../../../../../docs/sequences/bare-metal.xml", import.meta.url));
const imageMegabytes = 48;
const serialAt = 72;

interface PeRoom extends Room {
  disk: PeDisk;
  image: Buffer;
  /** Devices that the image was written to. */
  written: string[];
  /** What was done before the image came, in order. */
  order: string[];
}

/** Windows PE with an empty disk, and a site with the image of a volume, its drivers and its agent. */
function makePe(t: Test): PeRoom {
  const room = makeRoom(t, "winpe");
  const disk = windowsPeDisk(room.folder, room.machine, 64_000);
  const path = join(room.folder, "volume.ntfs");
  writeFileSync(path, "");
  truncateSync(path, imageMegabytes * 2 ** 20);
  execFileSync("mkntfs", ["-F", "-Q", "-q", path], { stdio: "ignore" });
  const windows = join(room.folder, "windows");
  writeWindows(windows);
  const wim = join(room.folder, "windows.wim");
  writeWim(wim, [windows]);
  execFileSync("wimlib-imagex", ["apply", wim, "1", path], { stdio: "ignore" });
  const pe: PeRoom = { ...room, disk, image: readFileSync(path), written: [], order: [] };
  const facts = { ...laptop(true), disks: () => [disk.shown()] };
  Object.assign(room.services, {
    disks: { list: () => Promise.resolve(listDisks(facts)) },
    imageApplier: {
      formatOf: () => Promise.resolve("block"),
      diskDemand: () =>
        Promise.resolve({
          rule: { removable: false },
          image: { name: "windows", smallestDiskBytes: pe.image.length, sectorBytes: 512, firmware: [] },
          firmware: "uefi",
          contentBytes: 0,
        }),
      writeTo({ device }: { device: string }) {
        pe.written.push(device);
        pe.order.push("write");
        disk.write(device, pe.image, imageMegabytes);
        const letter = device.slice(-2, -1);
        execFileSync("wimlib-imagex", ["apply", wim, "1", join(room.folder, letter)], { stdio: "ignore" });
        return Promise.resolve("all of it by multicast");
      },
    },
    diskFitting: {
      fit: () => assert.fail("no disk is fitted"),
      fitVolume: (device: string) =>
        fitVolume(device, { facts, tools: room.platformTools(), rewrite: disk.rewrite }),
    },
    ownFiles: { close: async () => void pe.order.push("own files closed") },
    plans: { show: async () => {} },
    devices: { list: () => Promise.resolve([networkCard]) },
    driverCatalogue: {
      packages: () => Promise.resolve([{ packageId: "DRV00001", name: "Network", category: "" }]),
    },
  });
  giveAgent(room);
  const drivers = join(room.folder, "drivers");
  mkdirSync(drivers);
  writeFileSync(join(drivers, "net.inf"), inf());
  writeFileSync(join(drivers, "net.cat"), "");
  return pe;
}

const serial = (sector: Buffer): string => sector.toString("hex", serialAt, serialAt + 8);

for (const [uefi, partition] of [
  [true, 2],
  [false, 1],
] as const) {
  test(`bare metal with ${uefi ? "UEFI" : "a BIOS"}: partitions, the volume, and what the later steps put on it`, async (t) => {
    const pe = makePe(t);
    const [read] = await readSequenceFile(bareMetal);
    assert.ok(read);
    const { end, environment, story } = await runInWindowsPe(read.sequence, {
      uefi,
      services: pe.services,
      tools: pe.tools(),
      packages: { DRV00001: join(pe.folder, "drivers") },
      variables: { OSDComputerName: "LAB-07" },
    });
    assert.equal(end.kind, "restart", story);
    assert.deepEqual(pe.written, ["\\\\.\\C:"]);
    assert.deepEqual(
      pe.order,
      ["own files closed", "write"],
      "a log that is open keeps the volume locked out",
    );
    assert.equal(environment.get("OSDTargetSystemDrive"), "C:");
    const made = pe.machine.disks[0]?.partitions[partition];
    assert.equal(made?.letter, "C");
    assert.equal(made.fileSystemMegabytes, undefined, "diskpart has extended the file system");
    const { done } = pe.machine;
    const extended = done.slice(done.indexOf("rescan"), done.indexOf("rescan") + 4);
    assert.deepEqual(extended, [
      "rescan",
      "select disk 0",
      `select partition ${partition + 1}`,
      "extend filesystem",
    ]);
    assert.ok(done.indexOf("bcdboot C:\\Windows") > done.indexOf("extend filesystem"), done.join("\n"));
    const first = pe.disk.read("\\\\.\\C:", pe.image.length);
    assert.notEqual(serial(first), serial(pe.image));
    const copy = Number(pe.image.readBigUInt64LE(40)) * 512;
    assert.equal(serial(first.subarray(copy)), serial(first), "the copy of the first sector agrees");
    const on = (path: string): string => readFileSync(join(pe.folder, "C", path), "utf8");
    assert.equal(on("Users/Public/marker.txt"), "one");
    assert.match(on("Windows/Panther/Unattend/Unattend.xml"), /<ComputerName>LAB-07</);
    assert.ok(
      done.some((line) => line.startsWith(`add-driver ${pe.folder}/drivers/net.inf`)),
      done.join("\n"),
    );
    assert.match(on("Windows/Setup/Scripts/SetupComplete.cmd"), /Volley\\Agent\\volley-agent\.exe resume/);
    assert.equal(on("Windows/Volley/Agent/volley-agent.exe"), "agent");
  });
}

/** A volume C: of that size, which the step replaces. */
function onto(pe: PeRoom, sizeMegabytes: number) {
  const none = { label: "", active: false, id: null, attributes: null };
  const partition = { kind: "primary", fileSystem: "ntfs", letter: "C", sizeMegabytes, ...none } as const;
  pe.machine.disks = [{ sizeMegabytes: 64_000, style: "gpt", dynamic: false, partitions: [partition] }];
  pe.machine.done.length = 0;
  return pe.perform("ApplyDataImage", { ImagePackageID: "VOL00001", DestinationLogicalDrive: "C:" });
}

test("a volume that takes its partition already is not extended; another file system is left as it is", async (t) => {
  const pe = makePe(t);
  const full = await onto(pe, imageMegabytes);
  succeed(full);
  assert.match(full.outcome.text, /takes its partition and has a serial number of its own/);
  assert.deepEqual(pe.machine.done, []);
  assert.notEqual(serial(pe.disk.read("\\\\.\\C:", 512)), serial(pe.image));
  pe.image.write("EXFAT   ", 3, "latin1");
  const other = await onto(pe, 500);
  succeed(other);
  assert.deepEqual(pe.machine.done, []);
  assert.ok(pe.disk.read("\\\\.\\C:", pe.image.length).equals(pe.image));
});

test("a volume on a disk with other sectors is refused before it is written; what fails afterwards is said", async (t) => {
  const pe = makePe(t);
  pe.disk.sectorBytes = 4096;
  const refused = await onto(pe, 500);
  assert.equal(refused.outcome.exitCode, codes.notSupported);
  assert.match(
    refused.outcome.text,
    /^C: is on a disk with sectors of 4096 bytes, and image VOL00001 is for 512$/,
  );
  assert.deepEqual(pe.written, []);
  pe.disk.sectorBytes = 512;
  const { diskFitting } = pe.services;
  assert.ok(diskFitting);
  pe.services.diskFitting = {
    ...diskFitting,
    fitVolume(device) {
      // Diskpart's double then finds a file system as long as its partition.
      delete pe.machine.disks[0]?.partitions[0]?.fileSystemMegabytes;
      return diskFitting.fitVolume(device);
    },
  };
  const failed = await onto(pe, 500);
  assert.equal(failed.outcome.exitCode, codes.failed);
  assert.match(
    failed.outcome.text,
    /E_TOOL_FAILED: diskpart does not extend partition 1 of .*extend filesystem/,
  );
});
