/** Format and Partition Disk: the plan, the disk it makes on Linux, the script it writes for diskpart. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import { formatAndPartitionDisk } from "../../../../agent/steps/format-and-partition-disk.ts";
import type { Plans } from "../../../../agent/steps/services.ts";
import { planDisk } from "../../../../agent/steps/partitioning/plan.ts";
import { readDiskWish } from "../../../../agent/steps/partitioning/settings.ts";
import { numberedDisks, partitionDevice } from "../../../../agent/steps/volumes.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { diskpart, fsutil } from "../../../fixtures/windows-tools/diskpart.ts";
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";

const megabyte = 1024 ** 2;
const uuid = "01234567-89ab-cdef-0123-456789abcdef";

/** "EFI FAT32 260 MB", "PRIMARY NTFS 100 PERCENT boot", as properties. */
function partitionProperties(rows: readonly string[]): Record<string, string> {
  const properties: Record<string, string> = { Partitions: String(rows.length) };
  for (const [index, row] of rows.entries()) {
    const [type = "", fileSystem = "", size = "", unit = "", ...more] = row.split(" ");
    const set = (name: string, value: string): void => {
      properties[`Partitions${index}${name}`] = value;
    };
    set("Type", type);
    set("FileSystem", fileSystem === "-" ? "" : fileSystem);
    set("Size", size);
    set("SizeUnits", unit);
    set("Bootable", String(more.includes("boot")));
    set("VolumeName", more.find((word) => word.startsWith("name="))?.slice(5) ?? "");
    set("VolumeLetterVariable", more.find((word) => word.startsWith("letter="))?.slice(7) ?? "");
    set("AssignVolumeLetter", String(more.includes("assign")));
  }
  return properties;
}

function plan(style: string, rows: readonly string[], more: Record<string, string> = {}, gigabytes = 100) {
  const properties = { DiskIndex: "0", PartitionStyle: style, ...partitionProperties(rows), ...more };
  const wish = readDiskWish(testContext({ properties }));
  return planDisk(wish, { sizeBytes: gigabytes * 1024 * megabyte, sectorBytes: 512 }, () => uuid);
}

const sizes = (made: ReturnType<typeof plan>): string[] =>
  made.partitions.map(
    (one) => `${one.number} ${one.type} ${one.startBytes / megabyte}+${one.sizeBytes / megabyte}`,
  );

test("sizes: fixed ones, and percentages of what is free when their turn comes", () => {
  const total = 100 * 1024 - 1;
  const rows: [string, string, readonly string[], string[]][] = [
    [
      "GPT keeps the last mebibyte for its copy",
      "GPT",
      ["EFI FAT32 260 MB", "MSR - 16 MB", "PRIMARY NTFS 100 PERCENT"],
      ["1 EFI 1+260", "2 MSR 261+16", `3 PRIMARY 277+${total - 277}`],
    ],
    [
      "MDT's 99 % and then 100 % of the rest",
      "GPT",
      ["Primary NTFS 99 %", "Recovery NTFS 100 %"],
      [
        `1 PRIMARY 1+${Math.floor((total - 1) * 0.99)}`,
        `2 RECOVERY ${1 + Math.floor((total - 1) * 0.99)}+${total - 1 - Math.floor((total - 1) * 0.99)}`,
      ],
    ],
    [
      "GB, and an MBR to the end of the disk",
      "MBR",
      ["PRIMARY NTFS 1 GB boot", "PRIMARY NTFS 100 PERCENT"],
      ["1 PRIMARY 1+1024", "2 PRIMARY 1025+101375"],
    ],
    [
      "logical partitions inside the extended one, from number 5, each after its own table",
      "MBR",
      [
        "PRIMARY NTFS 1 GB",
        "EXTENDED - 10 GB",
        "LOGICAL NTFS 2 GB",
        "LOGICAL FAT32 100 PERCENT",
        "PRIMARY NTFS 1 GB",
      ],
      [
        "1 PRIMARY 1+1024",
        "2 EXTENDED 1025+10240",
        "5 LOGICAL 1026+2048",
        "6 LOGICAL 3075+8190",
        "3 PRIMARY 11265+1024",
      ],
    ],
  ];
  for (const [name, style, wishes, wanted] of rows) {
    assert.deepEqual(sizes(plan(style, wishes)), wanted, name);
  }
});

test("types of both tables, and attributes", () => {
  const rows: [string, string, string, number[]][] = [
    ["GPT", "PRIMARY NTFS", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", []],
    ["GPT", "HIDDEN NTFS", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", [62, 63]],
    ["GPT", "EFI FAT32", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", []],
    ["GPT", "MSR -", "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", []],
    ["GPT", "RECOVERY NTFS", "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", [0, 63]],
    ["MBR", "PRIMARY NTFS", "07", []],
    ["MBR", "PRIMARY FAT32", "0c", []],
    ["MBR", "EXTENDED -", "0f", []],
    ["MBR", "HIDDEN NTFS", "17", []],
    ["MBR", "HIDDEN FAT32", "1c", []],
    ["MBR", "RECOVERY NTFS", "27", []],
  ];
  for (const [style, row, code, bits] of rows) {
    const [made] = plan(style, [`${row} 500 MB`]).partitions;
    assert.equal(made?.typeCode, code, `${style} ${row}`);
    assert.deepEqual(made?.attributeBits, bits, `${style} ${row}`);
  }
});

test("a GPT boot disk gets the EFI and reserved partitions that are not listed", () => {
  const made = plan("GPT", ["PRIMARY NTFS 100 PERCENT"], { GPTBootDisk: "true" });
  assert.deepEqual(
    made.partitions.map(({ type }) => type),
    ["EFI", "MSR", "PRIMARY"],
  );
  assert.equal(
    plan("GPT", ["EFI FAT32 1 GB", "PRIMARY NTFS 1 GB"], { GPTBootDisk: "true" }).partitions.length,
    2,
  );
});

test("what cannot be is refused, before anything is written", () => {
  const rows: [string, string, readonly string[], Record<string, string>, number][] = [
    ["EFI on MBR", "MBR", ["EFI FAT32 1 GB"], {}, codes.invalidSetting],
    ["logical on GPT", "GPT", ["LOGICAL NTFS 1 GB"], {}, codes.invalidSetting],
    ["logical without extended", "MBR", ["LOGICAL NTFS 1 GB"], {}, codes.invalidSetting],
    ["five primaries", "MBR", Array.from({ length: 5 }, () => "PRIMARY NTFS 1 GB"), {}, codes.invalidSetting],
    [
      "two boot partitions",
      "MBR",
      ["PRIMARY NTFS 1 GB boot", "PRIMARY NTFS 1 GB boot"],
      {},
      codes.invalidSetting,
    ],
    ["NTFS for EFI", "GPT", ["EFI NTFS 1 GB"], {}, codes.invalidSetting],
    ["unknown type", "GPT", ["SWAP NTFS 1 GB"], {}, codes.invalidSetting],
    ["unknown unit", "GPT", ["PRIMARY NTFS 1 TB"], {}, codes.invalidSetting],
    ["no size", "GPT", ["PRIMARY NTFS  MB"], {}, codes.invalidSetting],
    ["101 %", "GPT", ["PRIMARY NTFS 101 PERCENT"], {}, codes.invalidSetting],
    ["too large", "GPT", ["PRIMARY NTFS 101 GB"], {}, codes.diskFull],
    ["nothing left", "GPT", ["PRIMARY NTFS 100 PERCENT", "PRIMARY NTFS 1 MB"], {}, codes.diskFull],
    ["a name FAT32 does not take", "GPT", ["EFI FAT32 1 GB name=far-too-long"], {}, codes.invalidSetting],
    ["disk 10001", "GPT", ["PRIMARY NTFS 1 GB"], { DiskIndex: "10001" }, codes.invalidSetting],
    ["no disk", "GPT", ["PRIMARY NTFS 1 GB"], { DiskIndex: "" }, codes.invalidSetting],
    ["dynamic", "GPT", ["PRIMARY NTFS 1 GB"], { DiskType: "DYNAMIC" }, codes.invalidSetting],
  ];
  for (const [name, style, wishes, more, exitCode] of rows) {
    assert.throws(() => plan(style, wishes, more), { exitCode }, name);
  }
});

test("device names of partitions", () => {
  assert.equal(partitionDevice("/dev/sda", 1), "/dev/sda1");
  assert.equal(partitionDevice("/dev/nvme0n1", 2), "/dev/nvme0n1p2");
});

interface Table {
  partitiontable: {
    label: string;
    partitions: {
      node: string;
      start: number;
      size: number;
      type: string;
      attrs?: string;
      bootable?: boolean;
      uuid?: string;
    }[];
  };
}
const tableOf = (device: string): Table["partitiontable"] =>
  (JSON.parse(execFileSync("sfdisk", ["--json", device], { encoding: "utf8" })) as Table).partitiontable;
const blkid = (device: string, tag: string): string =>
  execFileSync("blkid", ["-p", "-o", "value", "-s", tag, device], { encoding: "utf8" }).trim();

const bootRows = [
  "EFI FAT32 260 MB name=System",
  "MSR - 16 MB",
  "PRIMARY NTFS 90 PERCENT name=Windows letter=OSDisk assign",
  "RECOVERY NTFS 100 PERCENT name=Recovery",
];

for (const sectorBytes of [512, 4096] as const) {
  test(`on Linux: a GPT disk with sectors of ${sectorBytes} bytes`, async (t) => {
    const disk = loopDisk(t, { megabytes: 1024, sectorBytes });
    const folder = testFolder(t);
    const context = testContext({
      properties: { DiskIndex: "0", PartitionStyle: "GPT", ...partitionProperties(bootRows) },
      services: { disks: disksOf(disk), folders: { work: folder } },
    });
    const outcome = await formatAndPartitionDisk.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    const table = tableOf(disk.path);
    assert.equal(table.label, "gpt");
    assert.deepEqual(
      table.partitions.map(({ type }) => type.slice(0, 8)),
      ["C12A7328", "E3C9E316", "EBD0A0A2", "DE94BBA4"],
    );
    assert.match(table.partitions[3]?.attrs ?? "", /RequiredPartition.*GUID:63/);
    assert.equal(new Set(table.partitions.map((one) => one.uuid)).size, 4);
    for (const { size, start } of table.partitions) {
      assert.equal((start * sectorBytes) % megabyte, 0);
      assert.equal((size * sectorBytes) % megabyte, 0);
    }
    const device = (number: number): string => partitionDevice(disk.path, number);
    assert.equal(blkid(device(1), "TYPE"), "vfat");
    assert.equal(blkid(device(1), "LABEL"), "SYSTEM");
    assert.equal(blkid(device(3), "TYPE"), "ntfs");
    assert.equal(blkid(device(3), "LABEL"), "Windows");
    assert.equal(blkid(device(4), "LABEL"), "Recovery");
    assert.equal(context.variables.get("OSDisk"), "C:");
    assert.match(context.lines.join("\n"), /Everything on .* is replaced by a GPT table/);
  });
}

test("on Linux: an MBR disk with logical partitions, over what was there", async (t) => {
  const disk = loopDisk(t, { megabytes: 600 });
  const folder = testFolder(t);
  const perform = async (style: string, rows: readonly string[]) => {
    const context = testContext({
      properties: { DiskIndexVariable: "Which", PartitionStyle: style, ...partitionProperties(rows) },
      variables: { Which: "0" },
      services: { disks: disksOf(disk), folders: { work: folder } },
    });
    const outcome = await formatAndPartitionDisk.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    return context;
  };
  await perform("GPT", bootRows);
  const rows = [
    "PRIMARY NTFS 100 MB boot assign letter=First",
    "EXTENDED - 50 PERCENT",
    "LOGICAL NTFS 60 MB assign letter=Second",
    "LOGICAL FAT32 100 PERCENT",
    "HIDDEN NTFS 50 PERCENT",
  ];
  const context = await perform("MBR", rows);
  const table = tableOf(disk.path);
  assert.equal(table.label, "dos");
  assert.deepEqual(
    table.partitions.map(({ node, type }) => `${node.slice(disk.path.length)} ${type}`),
    ["p1 7", "p2 f", "p3 17", "p5 7", "p6 c"],
  );
  assert.equal(table.partitions[0]?.bootable, true);
  assert.equal(blkid(partitionDevice(disk.path, 6), "TYPE"), "vfat");
  assert.deepEqual([context.variables.get("First"), context.variables.get("Second")], ["C:", "D:"]);
});

test("a plan that cannot be shown, or is declined, leaves the disk as it is", async (t) => {
  const disk = loopDisk(t, { megabytes: 300 });
  const folder = testFolder(t);
  const head = (): Buffer => {
    const file = openSync(disk.path, "r");
    const bytes = Buffer.alloc(megabyte);
    readSync(file, bytes, 0, megabyte, 0);
    closeSync(file);
    return bytes;
  };
  const before = head();
  const perform = (plans: Plans | undefined) => {
    const context = testContext({
      properties: { DiskIndex: "0", PartitionStyle: "MBR", ...partitionProperties(["PRIMARY NTFS 100 MB"]) },
      services: { disks: disksOf(disk), folders: { work: folder }, ...(plans ? { plans } : {}) },
    });
    if (!plans) delete context.services?.plans;
    return { context, outcome: formatAndPartitionDisk.perform(context) };
  };
  const unseen = perform(undefined);
  assert.equal((await unseen.outcome).exitCode, codes.notReadyYet);
  const declined = perform({ show: () => Promise.reject(new VolleyError("E_PLAN_DECLINED", "no")) });
  assert.notEqual((await declined.outcome).exitCode, 0);
  for (const { context } of [unseen, declined]) assert.deepEqual(context.runs, []);
  assert.deepEqual(head(), before);
});

test("the running system's disk, one in use, and a removable one are never taken", async (t) => {
  const disk = loopDisk(t, { megabytes: 300 });
  const folder = testFolder(t);
  const rows: Partial<typeof disk.facts>[] = [
    { systemUses: ["holds the root file system"] },
    { otherUses: ["is mounted"] },
    { removable: true },
    { readOnly: true },
  ];
  for (const facts of rows) {
    const list = () => Promise.resolve([{ ...disk.facts, ...facts }]);
    const context = testContext({
      properties: { DiskIndex: "0", PartitionStyle: "MBR", ...partitionProperties(["PRIMARY NTFS 100 MB"]) },
      services: { disks: { list }, folders: { work: folder } },
    });
    assert.equal((await formatAndPartitionDisk.perform(context)).exitCode, codes.accessDenied);
    assert.deepEqual(context.runs, []);
  }
  const numbered = await numberedDisks(
    testContext({
      services: {
        disks: {
          list: () =>
            Promise.resolve([
              { ...disk.facts, path: "loop" },
              { ...disk.facts, path: "usb", kind: "disk", removable: true },
              { ...disk.facts, path: "raid", kind: "virtual" },
              { ...disk.facts, path: "sda", kind: "disk" },
            ]),
        },
      },
    }),
  );
  assert.deepEqual(
    numbered.map(({ path }) => path),
    ["sda", "usb", "loop"],
  );
  const full = testContext({ system: "linux" });
  assert.equal((await formatAndPartitionDisk.perform(full)).exitCode, codes.notSupported);
});

test("on Windows PE: diskpart takes the script, and makes the same disk", async (t) => {
  const disk = { ...loopDisk(t, { megabytes: 300 }).facts, sizeBytes: 64 * 1024 * megabyte };
  const folder = testFolder(t);
  const old = {
    kind: "primary",
    fileSystem: "ntfs",
    label: "",
    active: true,
    id: null,
    attributes: null,
  } as const;
  const rows: [string, readonly string[], string[]][] = [
    [
      "GPT",
      bootRows,
      [
        "efi fat32 System - - -",
        "msr null  - - -",
        "primary ntfs Windows C - -",
        `primary ntfs Recovery - de94bba4-06d1-4d40-a16a-bfd50179d6ac 0x8000000000000001`,
      ],
    ],
    [
      "MBR",
      [
        "PRIMARY NTFS 499 MB boot",
        "EXTENDED - 20 GB",
        "LOGICAL NTFS 100 PERCENT assign letter=OSDisk",
        "RECOVERY NTFS 100 PERCENT",
      ],
      ["primary ntfs  - - -", "extended null  - - -", "logical ntfs  C - -", "primary ntfs  - 27 -"],
    ],
  ];
  for (const [style, wishes, wanted] of rows) {
    const machine = doubleMachine({
      disks: [
        {
          sizeMegabytes: 64 * 1024,
          style: "mbr",
          dynamic: false,
          partitions: [{ ...old, sizeMegabytes: 500, letter: "C" }],
        },
      ],
    });
    const context = testContext({
      system: "winpe",
      properties: { DiskIndex: "0", PartitionStyle: style, ...partitionProperties(wishes) },
      services: { disks: { list: () => Promise.resolve([disk]) }, folders: { work: folder } },
      tools: windowsTools(machine, { "diskpart.exe": diskpart, "fsutil.exe": fsutil }),
    });
    const outcome = await formatAndPartitionDisk.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    assert.deepEqual(
      machine.disks[0]?.partitions.map(
        (one) =>
          `${one.kind} ${one.fileSystem} ${one.label} ${one.letter ?? "-"} ${one.id ?? "-"} ${one.attributes ?? "-"}`,
      ),
      wanted,
    );
    assert.equal(context.variables.get("OSDisk"), "C:");
  }
});
