/** Which disk is taken, and with which words and code the others are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkNamedDisk, chooseDisk, type DiskDemand } from "../../../agent/imaging/choose-disk.ts";
import type { DiskFacts } from "../../../agent/platform/platform.ts";
import { VolleyError, type ErrorCode } from "../../../contract/errors.ts";

const gigabyte = 1e9;

function disk(changes: Partial<DiskFacts> = {}): DiskFacts {
  return {
    path: "/dev/sda",
    kind: "disk",
    identity: "serial:X:1",
    sizeBytes: 500 * gigabyte,
    sectorBytes: 512,
    model: "Example 500",
    serial: "S1",
    removable: false,
    readOnly: false,
    systemUses: [],
    otherUses: [],
    partitions: [],
    ...changes,
  };
}

function demand(
  changes: Partial<DiskDemand["image"]> = {},
  rule: Partial<DiskDemand["rule"]> = {},
): DiskDemand {
  return {
    rule: { removable: false, ...rule },
    image: {
      name: "lab",
      smallestDiskBytes: 20 * gigabyte,
      sectorBytes: 512,
      firmware: ["uefi"],
      ...changes,
    },
    firmware: "uefi",
  };
}

const second = { path: "/dev/sdb", identity: "serial:X:2", serial: "S2" };
const stick = { path: "/dev/sdc", identity: "serial:X:3", serial: "S3", removable: true };
const system = { systemUses: ["holds the root file system (/dev/sda2)"] };

interface Case {
  title: string;
  disks: Partial<DiskFacts>[];
  demand?: DiskDemand;
  /** Path of the disk that is taken, or the error and words in its detail. */
  taken?: string;
  code?: ErrorCode;
  says?: RegExp;
}

const byRule: Case[] = [
  { title: "the only disk", disks: [{}], taken: "/dev/sda" },
  { title: "no disk", disks: [], code: "E_DISK_NOT_FOUND", says: /has no disk/ },
  { title: "not the running system's", disks: [system, second], taken: "/dev/sdb" },
  {
    title: "only the running system's",
    disks: [system],
    code: "E_DISK_NOT_FOUND",
    says: /sda belongs to the running system: holds the root/,
  },
  {
    title: "not a mounted one",
    disks: [{ otherUses: ["/dev/sda1 is mounted at /mnt"] }, second],
    taken: "/dev/sdb",
  },
  {
    title: "not a member of a RAID",
    disks: [{ otherUses: ["/dev/sda1 is part of md0"] }],
    code: "E_DISK_NOT_FOUND",
    says: /part of md0/,
  },
  { title: "not a removable one", disks: [stick], code: "E_DISK_NOT_FOUND", says: /sdc is removable/ },
  {
    title: "a removable one when the rule says so",
    disks: [stick],
    demand: demand({}, { removable: true }),
    taken: "/dev/sdc",
  },
  {
    title: "both when the rule allows removable",
    disks: [{}, stick],
    demand: demand({}, { removable: true }),
    code: "E_DISK_AMBIGUOUS",
  },
  { title: "not a read-only one", disks: [{ readOnly: true }, second], taken: "/dev/sdb" },
  { title: "not memory", disks: [{ kind: "virtual" }], code: "E_DISK_NOT_FOUND" },
  {
    title: "not a loop device that nobody named",
    disks: [{ kind: "loop" }],
    code: "E_DISK_NOT_FOUND",
    says: /has to be named/,
  },
  { title: "two that fit", disks: [{}, second], code: "E_DISK_AMBIGUOUS", says: /sda .*S1.*sdb .*S2/ },
  {
    title: "the one with the serial number",
    disks: [{}, second],
    demand: demand({}, { serial: "S2" }),
    taken: "/dev/sdb",
  },
  {
    title: "no disk with the serial number",
    disks: [{}, second],
    demand: demand({}, { serial: "S9" }),
    code: "E_DISK_NOT_FOUND",
    says: /"S1".*"S9"/,
  },
  { title: "the one that is large enough", disks: [{ sizeBytes: 10 * gigabyte }, second], taken: "/dev/sdb" },
  { title: "the smallest that is just enough", disks: [{ sizeBytes: 20 * gigabyte }], taken: "/dev/sda" },
  {
    title: "one byte too small",
    disks: [{ sizeBytes: 20 * gigabyte - 1 }],
    code: "E_DEVICE_TOO_SMALL",
    says: /19999999999 bytes.*20000000000 bytes/,
  },
  {
    title: "too small, beside the system's",
    disks: [system, { ...second, sizeBytes: 1 }],
    code: "E_DEVICE_TOO_SMALL",
  },
  {
    title: "under the rule's least size",
    disks: [{}],
    demand: demand({}, { leastBytes: 501 * gigabyte }),
    code: "E_DISK_NOT_FOUND",
    says: /smaller than the 501 GB/,
  },
  {
    title: "over the rule's most size",
    disks: [{}, { ...second, sizeBytes: 8e12 }],
    demand: demand({}, { mostBytes: 1e12 }),
    taken: "/dev/sda",
  },
  {
    title: "another sector size",
    disks: [{ sectorBytes: 4096 }],
    code: "E_SECTOR_SIZE",
    says: /4096 bytes.*512/,
  },
  {
    title: "another firmware",
    disks: [{}],
    demand: demand({ firmware: ["bios"] }),
    code: "E_FIRMWARE",
    says: /UEFI firmware.*boots with BIOS/,
  },
  {
    title: "an image of data boots nowhere",
    disks: [{}],
    demand: demand({ firmware: [] }),
    taken: "/dev/sda",
  },
  {
    title: "firmware that is not known",
    disks: [{}],
    demand: { ...demand({ firmware: ["bios"] }), firmware: "unknown" },
    taken: "/dev/sda",
  },
  {
    title: "different reasons",
    disks: [{ sizeBytes: 1 }, { ...second, sectorBytes: 4096 }],
    code: "E_DISK_NOT_FOUND",
    says: /sda has 1 bytes.*sdb has sectors/,
  },
];

for (const one of byRule) {
  test(`by rule: ${one.title}`, () => {
    const disks = one.disks.map((changes) => disk(changes));
    check(one, () => chooseDisk(disks, one.demand ?? demand()));
  });
}

const named: Case[] = [
  { title: "a good one", disks: [{}], taken: "/dev/sda" },
  { title: "the running system's", disks: [system], code: "E_DISK_REFUSED" },
  {
    title: "a mounted one",
    disks: [{ otherUses: ["/dev/sda1 is mounted at /mnt"] }],
    code: "E_DISK_REFUSED",
    says: /mounted at \/mnt/,
  },
  { title: "a removable one", disks: [stick], code: "E_DISK_REFUSED" },
  {
    title: "a read-only file",
    disks: [{ kind: "file", readOnly: true }],
    code: "E_DISK_REFUSED",
    says: /read-only/,
  },
  {
    title: "a file of any sector size and firmware",
    disks: [{ kind: "file", sectorBytes: null }],
    demand: demand({ firmware: ["bios"], sectorBytes: 4096 }),
    taken: "/dev/sda",
  },
  {
    title: "a loop device, whatever the firmware",
    disks: [{ kind: "loop" }],
    demand: demand({ firmware: ["bios"] }),
    taken: "/dev/sda",
  },
  {
    title: "a file that is too small",
    disks: [{ kind: "file", sectorBytes: null, sizeBytes: 4096 }],
    code: "E_DEVICE_TOO_SMALL",
  },
  {
    title: "refused and too small: the graver comes first",
    disks: [{ ...system, sizeBytes: 1 }],
    code: "E_DISK_REFUSED",
    says: /running system.* and has 1 bytes/,
  },
];

for (const one of named) {
  test(`by name: ${one.title}`, () => {
    check(one, () => checkNamedDisk(disk(one.disks[0]), one.demand ?? demand()));
  });
}

function check(one: Case, choose: () => DiskFacts): void {
  if (one.code === undefined) {
    assert.equal(choose().path, one.taken);
    return;
  }
  assert.throws(choose, (error) => {
    assert.ok(error instanceof VolleyError);
    assert.equal(error.code, one.code);
    assert.match(error.detail, one.says ?? /./);
    return true;
  });
}
