/** Create Virtual Hard Disk (MDT): the file, the disk it is seen as, and what a sequence then does with that disk. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { listDisks } from "../../../../agent/platform/linux/disks.ts";
import type { DiskFacts } from "../../../../agent/platform/platform.ts";
import { checkBootable } from "../../../../agent/steps/boot-files/make-bootable.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { formatAndPartitionDisk } from "../../../../agent/steps/format-and-partition-disk.ts";
import type { Destination } from "../../../../agent/steps/images/destination.ts";
import { createVirtualDisk } from "../../../../agent/steps/toolkit/virtual-disk.ts";
import { fixedDiskFooter, readFixedDiskFooter } from "../../../../windows/fixed-disk-footer.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { loopDisk, type LoopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { makeRoom, type Room } from "../../../fixtures/windows-room.ts";
import { virtualDisksOf } from "../../../fixtures/windows-tools/machine.ts";

const megabyte = 1024 ** 2;

/** Windows PE, whose list of disks has the double's, and whose drive D: is there. */
function windowsRoom(t: Test): Room {
  const room = makeRoom(t, "winpe");
  const facts = { ...loopDisk(t, { megabytes: 8 }).facts, kind: "disk" as const };
  room.services.disks = {
    list: () =>
      Promise.resolve(
        room.machine.disks.map(({ file, sizeMegabytes }, number): DiskFacts => ({
          ...facts,
          number,
          path: `\\\\.\\PhysicalDrive${number}`,
          identity: `id:${number}`,
          sizeBytes: sizeMegabytes * megabyte,
          kind: file === undefined ? "disk" : "virtual",
        })),
      ),
  };
  return room;
}

test("on Windows PE: what the properties ask of diskpart", async (t) => {
  const rows: [
    rule: string,
    variables: Record<string, string>,
    made: [file: string, type: string, megabytes: number, parent: string | null][],
  ][] = [
    [
      "the reference's example",
      {
        VHDCreateSizeMax: "130048",
        VHDCreateType: "EXPANDABLE",
        VHDCreateFileName: "Win7_C.vhd",
        VHDInputVariable: "VHDTargetDisk",
        VHDTargetDisk: "D",
      },
      [["d:\\vhd\\win7_c.vhd", "expandable", 130_048, null]],
    ],
    [
      "FIXED, on the drive that the variable names",
      {
        VHDCreateSizeMax: "64",
        VHDCreateType: "FIXED",
        VHDCreateFileName: "a.vhd",
        VHDInputVariable: "Where",
        Where: "D:",
      },
      [["d:\\vhd\\a.vhd", "fixed", 64, null]],
    ],
    [
      "without VHDInputVariable the first drive, and a child in the same folder",
      { VHDCreateSizeMax: "64", VHDCreateFileName: "a.vhd", VHDCreateDiffVHD: "Win7Diff_C.vhd" },
      [
        ["c:\\vhd\\a.vhd", "expandable", 64, null],
        ["c:\\vhd\\win7diff_c.vhd", "fixed", 64, "c:\\vhd\\a.vhd"],
      ],
    ],
  ];
  for (const [rule, variables, made] of rows) {
    const room = windowsRoom(t);
    const given = { ...variables, VHDOutputVariable: "OSDDiskIndex", VHDDisks: "7" };
    const { context, outcome } = await room.perform("ZTIVHDCreate", {}, given);
    assert.equal(outcome.exitCode, 0, `${rule}: ${outcome.text}\n${outcome.output}`);
    const found = [...virtualDisksOf(room.machine)].map(([file, disk]) => [
      file,
      disk.type,
      disk.megabytes,
      disk.parent,
    ]);
    assert.deepEqual(found, made, rule);
    assert.equal(room.machine.disks.at(-1)?.file, made.at(-1)?.[0], "what is written to is attached");
    assert.equal(context.variables.get("OSDDiskIndex"), "1");
    assert.equal(context.variables.get("VHDDisks"), "7 1", "a list separated by spaces");
    const index = { DiskIndexVariable: "OSDDiskIndex", PartitionStyle: "MBR", Partitions: "1" };
    const properties = {
      ...index,
      Partitions0Type: "PRIMARY",
      Partitions0FileSystem: "NTFS",
      Partitions0Size: "32",
    };
    const kept = Object.fromEntries(
      context.variables.names().map((name) => [name, context.variables.get(name)]),
    );
    const partitioned = await room.perform("PartitionDisk", properties, kept);
    assert.equal(partitioned.outcome.exitCode, 0, partitioned.outcome.text);
    assert.equal(room.machine.disks[1]?.partitions.length, 1, rule);
    const unknown = await room.perform("PartitionDisk", properties, { ...kept, _VolleyVirtualDisks: "" });
    assert.equal(unknown.outcome.exitCode, codes.notFound, "a virtual disk that the sequence did not make");
  }
});

test("RANDOM or blank is a name of its own; without a size nine tenths of what is free", async (t) => {
  for (const name of ["RANDOM", ""]) {
    const room = windowsRoom(t);
    const variables = { VHDCreateFileName: name, VHDInputVariable: "Where", Where: "D:" };
    const { outcome } = await room.perform("ZTIVHDCreate", {}, variables);
    assert.equal(outcome.exitCode, 0, outcome.text);
    const [[file, disk] = ["", undefined]] = virtualDisksOf(room.machine);
    assert.match(file, /^d:\\vhd\\[0-9a-f-]{36}\.vhd$/);
    const free = Number(
      execFileSync("df", ["--output=avail", "-B1M", room.folder], { encoding: "utf8" }).split("\n")[1],
    );
    const most = Math.min(free * 0.9, 2040 * 1024);
    assert.ok(disk && Math.abs(disk.megabytes - most) < 2048, `${disk?.megabytes} of ${free}`);
  }
});

test("a source: its content, wherever it is named from", async (t) => {
  for (const source of ["D:\\VHD\\template.vhd", "template.vhd"]) {
    const room = windowsRoom(t);
    mkdirSync(join(room.folder, "D/VHD"), { recursive: true });
    writeFileSync(join(room.folder, "D/VHD/template.vhd"), "");
    virtualDisksOf(room.machine).set("d:\\vhd\\template.vhd", { megabytes: 99, type: "fixed", parent: null });
    const variables = {
      VHDCreateSource: source,
      VHDCreateFileName: "a.vhd",
      VHDInputVariable: "Where",
      Where: "D",
    };
    const { outcome } = await room.perform("ZTIVHDCreate", {}, variables);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    assert.equal(virtualDisksOf(room.machine).get("d:\\vhd\\a.vhd")?.megabytes, 99);
  }
});

test("what cannot be is refused before a file is made", async (t) => {
  const base = { VHDCreateSizeMax: "64", VHDCreateFileName: "a.vhd", VHDInputVariable: "Where", Where: "D" };
  const rows: [Record<string, string>, number][] = [
    [{ VHDCreateType: "DYNAMIC" }, codes.invalidSetting],
    [{ VHDCreateFileName: "..\\a.vhd" }, codes.invalidSetting],
    [{ VHDCreateFileName: "a.iso" }, codes.invalidSetting],
    [{ VHDCreateDiffVHD: "A.vhd" }, codes.invalidSetting],
    [{ VHDCreateSizeMax: "2" }, codes.invalidSetting],
    [{ VHDCreateSizeMax: "9999999" }, codes.invalidSetting],
    [{ Where: "nowhere" }, codes.invalidSetting],
    [{ VHDCreateSource: "none.vhd" }, codes.fileNotFound],
    [{ VHDCreateFileName: "there.vhd" }, codes.invalidSetting],
  ];
  const room = windowsRoom(t);
  mkdirSync(join(room.folder, "D/VHD"), { recursive: true });
  writeFileSync(join(room.folder, "D/VHD/there.vhd"), "");
  for (const [more, exitCode] of rows) {
    const { outcome } = await room.perform("ZTIVHDCreate", {}, { ...base, ...more });
    assert.equal(outcome.exitCode, exitCode, `${JSON.stringify(more)}: ${outcome.text}`);
  }
  assert.equal(virtualDisksOf(room.machine).size, 0);
});

/** A Linux PE with an NTFS volume C: on a disk, and the loop devices that a step makes of files on it. */
async function linuxRoom(t: Test) {
  const attached: string[] = [];
  t.after(() => {
    for (const path of attached) execFileSync("losetup", ["--detach", path]);
  });
  const disk: LoopDisk = loopDisk(t, { megabytes: 400 });
  const folder = testFolder(t);
  const list = async (): Promise<DiskFacts[]> => {
    const all = await listDisks();
    return all.filter(({ identity, path }) => path === disk.path || identity.includes(folder));
  };
  const context = testContext({
    properties: {
      DiskIndex: "0",
      PartitionStyle: "MBR",
      Partitions: "1",
      Partitions0Type: "PRIMARY",
      Partitions0FileSystem: "NTFS",
      Partitions0Size: "100",
      Partitions0SizeUnits: "PERCENT",
      Partitions0AssignVolumeLetter: "true",
    },
    services: { disks: { list }, folders: { work: folder } },
  });
  const made = await formatAndPartitionDisk.perform(context);
  assert.equal(made.exitCode, 0, `${made.text}\n${made.output}`);
  return {
    folder,
    async create(variables: Record<string, string>) {
      for (const name of context.variables.names().filter((one) => one.startsWith("VHD"))) {
        context.variables.set(name, "");
      }
      for (const [name, value] of Object.entries(variables)) context.variables.set(name, value);
      const outcome = await createVirtualDisk.perform(context);
      const path = outcome.exitCode === 0 ? (await list()).at(-1)?.path : undefined;
      if (path !== undefined) attached.push(path);
      return { outcome, path };
    },
    context,
  };
}

test("in a Linux PE: a fixed VHD is a disk that is partitioned and formatted", async (t) => {
  const room = await linuxRoom(t);
  const { outcome, path } = await room.create({
    VHDCreateSizeMax: "64",
    VHDCreateType: "EXPANDABLE",
    VHDCreateFileName: "Win7_C.vhd",
    VHDOutputVariable: "OSDDiskIndex",
  });
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  const file = join(room.folder, "volumes/c/VHD/Win7_C.vhd");
  assert.equal(statSync(file).size, 64 * megabyte + 512);
  const size = execFileSync("blockdev", ["--getsize64", path ?? ""], { encoding: "utf8" });
  assert.equal(Number(size), 64 * megabyte, "the footer is no part of the disk");
  assert.equal(room.context.variables.get("OSDDiskIndex"), "1");
  assert.equal(room.context.variables.get("VHDDisks"), "1");
  const properties: Record<string, string> = {
    diskindexvariable: "OSDDiskIndex",
    partitions0sizeunits: "MB",
    partitions0size: "40",
  };
  const partitioned = await formatAndPartitionDisk.perform({
    ...room.context,
    property: (name) => properties[name.toLowerCase()] ?? room.context.property(name),
  });
  assert.equal(partitioned.exitCode, 0, `${partitioned.text}\n${partitioned.output}`);
  execFileSync("sync");
  const described = JSON.parse(
    execFileSync("qemu-img", ["info", "-U", "--output=json", "-f", "vpc", file], { encoding: "utf8" }),
  ) as { "virtual-size": number };
  assert.equal(described["virtual-size"], 64 * megabyte);
  const raw = readFileSync(file);
  assert.equal(raw.readUInt16LE(510), 0xaa55, "the table is in the file");
  const destination = { letter: "D", device: `${path}p1`, table: { disk: path, style: "MBR" } };
  await assert.rejects(checkBootable(room.context, destination as unknown as Destination), {
    exitCode: codes.notSupported,
    message: /VHD, and a Windows in one is made to start by Windows PE alone/,
  });
});

test("in a Linux PE: a source has to be fixed, and what needs nbd fails before a file is made", async (t) => {
  const room = await linuxRoom(t);
  const base = { VHDCreateSizeMax: "16", VHDCreateFileName: "a.vhd" };
  const folder = join(room.folder, "volumes/c/VHD");
  for (const more of [{ VHDCreateDiffVHD: "child.vhd" }, { VHDCreateFileName: "a.vhdx" }]) {
    const { outcome } = await room.create({ ...base, ...more });
    assert.equal(outcome.exitCode, codes.notSupported, outcome.text);
    assert.match(outcome.text, /nbd/);
  }
  for (const [name, subformat] of [
    ["dynamic.vhd", "dynamic"],
    ["fixed.vhd", "fixed"],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    const options = ["-o", `subformat=${subformat},force_size=on`];
    execFileSync("qemu-img", ["create", "-q", "-f", "vpc", ...options, join(folder, name), "16M"]);
  }
  const expandable = await room.create({ ...base, VHDCreateSource: "dynamic.vhd" });
  assert.equal(expandable.outcome.exitCode, codes.notSupported, expandable.outcome.text);
  assert.ok(!existsSync(join(folder, "a.vhd")));
  truncateSync(join(folder, "fixed.vhd"), 16 * megabyte + 512);
  writeFileSync(join(folder, "fixed.vhd"), "template", { flag: "r+" });
  const { outcome, path } = await room.create({ ...base, VHDCreateSource: "fixed.vhd" });
  assert.equal(outcome.exitCode, 0, outcome.text);
  const begin = execFileSync("head", ["--bytes=8", path ?? ""], { encoding: "utf8" });
  assert.equal(begin, "template");
  const identifiers = ["a.vhd", "fixed.vhd"].map((name) =>
    readFileSync(join(folder, name)).subarray(-512).toString("hex", 68, 84),
  );
  assert.notEqual(identifiers[0], identifiers[1]);
});

test("the footer is what qemu writes, but for who wrote it and when", (t) => {
  const folder = testFolder(t);
  for (const megabytes of [3, 16, 130, 504, 2048, 8192, 130_048, 2_000_000]) {
    const path = join(folder, `${megabytes}.vhd`);
    const size = ["-o", "subformat=dynamic,force_size=off", path, `${megabytes}M`];
    execFileSync("qemu-img", ["create", "-q", "-f", "vpc", ...size]);
    const theirs = readFileSync(path).subarray(0, 512);
    const sizeBytes = Number(theirs.readBigUInt64BE(48));
    const id = theirs.toString("hex", 68, 84);
    const own = fixedDiskFooter({ sizeBytes, id, nowMs: Date.now() });
    assert.equal(readFixedDiskFooter(own), sizeBytes);
    for (const [from, to] of [
      [0, 16],
      [40, 60],
      [68, 512],
    ] as const) {
      assert.equal(
        own.toString("hex", from, to),
        theirs.toString("hex", from, to),
        `${megabytes} MB from ${from}`,
      );
    }
    const broken = Buffer.from(own);
    broken.writeUInt8(own.readUInt8(50) ^ 1, 50);
    assert.equal(readFixedDiskFooter(broken), null);
    assert.equal(readFixedDiskFooter(theirs), null, "a dynamic one");
  }
});
