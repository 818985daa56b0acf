/** Linux as the platform sees it: trees of sysfs and /proc that were laid out for the test, and this machine. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { linuxPlatform } from "../../../agent/platform/linux.ts";
import { listDisks } from "../../../agent/platform/linux/disks.ts";
import { findDisk } from "../../../agent/platform/linux/find-disk.ts";
import { readFirmware, readMacAddresses, readSmbios } from "../../../agent/platform/linux/hardware.ts";
import { parseBlockLabels } from "../../../agent/platform/linux/lsblk.ts";
import { deviceNumberText } from "../../../agent/platform/linux/mounts.ts";
import { parsePartitionTable } from "../../../agent/platform/partition-table.ts";
import { waitFor } from "../../fixtures/program.ts";
import { runTool } from "../../../agent/platform/run-tool.ts";

interface Tree {
  sys: string;
  proc: string;
}

/** Lays out files by path; a value that begins with "->" is a link. */
async function inTree(files: Record<string, string>, work: (tree: Tree) => unknown): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "volley-sysfs-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      if (content.startsWith("->")) symlinkSync(content.slice(2), path);
      else writeFileSync(path, `${content}\n`);
    }
    await work({ sys: join(root, "sys"), proc: join(root, "proc") });
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** A disk with partitions, as /sys/block and /sys/class/block show it. `at`: its place on a bus. */
function diskTree(
  name: string,
  facts: { number: number; partitions?: number; at?: string; removable?: number },
) {
  const { at = "pci0/ata1", number, partitions = 0 } = facts;
  const home = `sys/devices/${at}/block/${name}`;
  const files: Record<string, string> = {
    [`${home}/size`]: "1000000",
    [`${home}/ro`]: "0",
    [`${home}/removable`]: String(facts.removable ?? 0),
    [`${home}/dev`]: `8:${number}`,
    [`${home}/queue/logical_block_size`]: "512",
    [`${home}/device/model`]: "Example  ",
    [`${home}/device/wwid`]: `naa.${number}`,
    [`sys/block/${name}`]: `->../devices/${at}/block/${name}`,
    [`sys/class/block/${name}`]: `->../../devices/${at}/block/${name}`,
  };
  for (let index = 1; index <= partitions; index += 1) {
    const part = `${name}${index}`;
    files[`${home}/${part}/partition`] = String(index);
    files[`${home}/${part}/size`] = "2048";
    files[`${home}/${part}/dev`] = `8:${number + index}`;
    files[`sys/class/block/${part}`] = `->../../devices/${at}/block/${name}/${part}`;
  }
  return files;
}

const mountLine = (device: string, place: string, source = "/dev/x", type = "ext4"): string =>
  `36 35 ${device} / ${place} rw,noatime - ${type} ${source} rw`;

test("the disk under the root file system is the system's, also through LVM on RAID", () =>
  inTree(
    {
      ...diskTree("sda", { number: 0, partitions: 2 }),
      ...diskTree("sdb", { number: 16, partitions: 1 }),
      "sys/devices/pci0/ata1/block/sda/sda2/holders/md0": "",
      "sys/devices/virtual/block/md0/dev": "9:0",
      "sys/devices/virtual/block/md0/size": "5",
      "sys/devices/virtual/block/md0/holders/dm-0": "",
      "sys/devices/virtual/block/dm-0/dev": "253:0",
      "sys/devices/virtual/block/dm-0/dm/name": "vg-root",
      "sys/class/block/md0": "->../../devices/virtual/block/md0",
      "sys/class/block/dm-0": "->../../devices/virtual/block/dm-0",
      "sys/block/md0": "->../devices/virtual/block/md0",
      "proc/self/mountinfo": mountLine("253:0", "/"),
    },
    async (tree) => {
      const [md, sda, sdb] = await listDisks(tree);
      assert.equal(md?.kind, "virtual");
      assert.deepEqual(sda?.systemUses, ["holds the root file system (/dev/dm-0)"]);
      assert.deepEqual(sda?.otherUses, ["/dev/sda2 is part of md0", "/dev/md0 is part of dm-0 (vg-root)"]);
      assert.deepEqual([sdb?.systemUses, sdb?.otherUses], [[], []]);
      assert.equal(sda?.model, "Example");
      assert.equal(sda?.identity, "wwid:naa.0:512000000");
      assert.deepEqual(
        sda?.partitions.map(({ name, sizeBytes }) => [name, sizeBytes]),
        [
          ["/dev/sda1", 1_048_576],
          ["/dev/sda2", 1_048_576],
        ],
      );
    },
  ));

test("a mounted partition, also at a place with spaces, keeps its disk", () =>
  inTree(
    {
      ...diskTree("sda", { number: 0, partitions: 1 }),
      "proc/self/mountinfo": mountLine("8:1", "/mnt/my\\040disk"),
    },
    async (tree) => {
      const [disk] = await listDisks(tree);
      assert.deepEqual(disk?.otherUses, ["/dev/sda1 is mounted at /mnt/my disk"]);
      assert.deepEqual(disk?.systemUses, []);
    },
  ));

const removables: { title: string; files: Record<string, string>; removable: boolean }[] = [
  { title: "an internal disk", files: diskTree("sda", { number: 0 }), removable: false },
  {
    title: "a stick with the kernel's flag",
    files: diskTree("sda", { number: 0, removable: 1 }),
    removable: true,
  },
  {
    title: "a disk in a USB case",
    files: diskTree("sda", { number: 0, at: "pci0/usb2/2-1" }),
    removable: true,
  },
  {
    title: "an SD card",
    files: { ...diskTree("mmcblk0", { number: 0 }), "sys/devices/pci0/ata1/block/mmcblk0/device/type": "SD" },
    removable: true,
  },
  {
    title: "an eMMC",
    files: {
      ...diskTree("mmcblk0", { number: 0 }),
      "sys/devices/pci0/ata1/block/mmcblk0/device/type": "MMC",
    },
    removable: false,
  },
];
for (const { files, removable, title } of removables) {
  test(`${title} is ${removable ? "" : "not "}removable`, () =>
    inTree(files, async (tree) => assert.equal((await listDisks(tree))[0]?.removable, removable)));
}

test("optical drives, empty readers and loop devices without a file are no disks", () =>
  inTree(
    {
      ...diskTree("sr0", { number: 0 }),
      ...diskTree("loop0", { number: 16 }),
      ...diskTree("sdb", { number: 32 }),
      "sys/devices/pci0/ata1/block/sdb/size": "0",
      ...diskTree("loop1", { number: 48 }),
      "sys/devices/pci0/ata1/block/loop1/loop/backing_file": "/x.img",
    },
    async (tree) => {
      const disks = await listDisks(tree);
      assert.deepEqual(
        disks.map(({ kind, path }) => [path, kind]),
        [["/dev/loop1", "loop"]],
      );
    },
  ));

test("wired adapters come first, virtual ones count only without hardware", async () => {
  const card = (name: string, address: string, more: string[] = []): Record<string, string> => {
    const files: Record<string, string> = {
      [`sys/class/net/${name}/address`]: address,
      [`sys/class/net/${name}/type`]: "1",
    };
    for (const entry of more) files[`sys/class/net/${name}/${entry}/x`] = "";
    return files;
  };
  const virtual = {
    ...card("lo", "00:00:00:00:00:00"),
    ...card("veth0", "02:00:00:00:00:01"),
    ...card("docker0", "02:00:00:00:00:02"),
  };
  await inTree(virtual, (tree) =>
    assert.deepEqual(readMacAddresses(tree), ["02:00:00:00:00:02", "02:00:00:00:00:01"]),
  );
  const real = {
    ...virtual,
    ...card("a-wifi", "aa:00:00:00:00:01", ["device", "phy80211"]),
    ...card("eno1", "aa:00:00:00:00:02", ["device"]),
  };
  await inTree(real, (tree) =>
    assert.deepEqual(readMacAddresses(tree), ["aa:00:00:00:00:02", "aa:00:00:00:00:01"]),
  );
});

test("SMBIOS is read where it can be, without the texts that say nothing", async () => {
  const files = {
    "sys/class/dmi/id/product_uuid": "4C4C4544-0042-3510-8051-B4C04F564432",
    "sys/class/dmi/id/product_serial": "To Be Filled By O.E.M.",
    "sys/class/dmi/id/sys_vendor": "Example Inc.",
    "sys/firmware/efi/x": "",
  };
  await inTree(files, (tree) => {
    assert.deepEqual(readSmbios(tree), {
      smbiosUuid: "4c4c4544-0042-3510-8051-b4c04f564432",
      serial: null,
      manufacturer: "Example Inc.",
      model: null,
    });
    assert.equal(readFirmware(tree), "uefi");
  });
});

test("a file stands for a disk; a partition table in it is found", async () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-file-disk-"));
  try {
    const path = join(folder, "disk.raw");
    writeFileSync(path, mbr([[0x83, 2048, 4096]]));
    truncateSync(path, 8 << 20);
    const disk = await findDisk(path);
    assert.equal(disk.kind, "file");
    assert.equal(disk.sizeBytes, 8 << 20);
    assert.equal(disk.sectorBytes, null);
    assert.deepEqual(disk.partitions, [
      { name: "partition 1", sizeBytes: 4096 * 512, fileSystem: "", label: "" },
    ]);
    symlinkSync(path, join(folder, "by-name"));
    assert.equal((await findDisk(join(folder, "by-name"))).identity, disk.identity);
    await assert.rejects(findDisk(join(folder, "none")), { code: "E_DISK_NOT_FOUND" });
    await assert.rejects(findDisk(folder), { code: "E_DISK_REFUSED" });
    await assert.rejects(findDisk("/dev/null"), { code: "E_DISK_REFUSED" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function mbr(entries: [type: number, first: number, sectors: number][]): Buffer {
  const sector = Buffer.alloc(512);
  entries.forEach(([type, first, sectors], index) => {
    sector.writeUInt8(type, 446 + index * 16 + 4);
    sector.writeUInt32LE(first, 446 + index * 16 + 8);
    sector.writeUInt32LE(sectors, 446 + index * 16 + 12);
  });
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

test("a GPT names its partitions", () => {
  const disk = Buffer.alloc(64 * 1024);
  mbr([[0xee, 1, 1000]]).copy(disk);
  disk.write("EFI PART", 512, "latin1");
  disk.writeBigUInt64LE(2n, 512 + 72);
  disk.writeUInt32LE(128, 512 + 80);
  disk.writeUInt32LE(128, 512 + 84);
  const entry = 1024 + 128;
  disk.fill(0x11, entry, entry + 32);
  disk.writeBigUInt64LE(2048n, entry + 32);
  disk.writeBigUInt64LE(4095n, entry + 40);
  disk.write("Basic data", entry + 56, "utf16le");
  assert.deepEqual(parsePartitionTable(disk), [
    { name: "partition 2", sizeBytes: 2048 * 512, fileSystem: "", label: "Basic data" },
  ]);
  assert.deepEqual(parsePartitionTable(Buffer.alloc(512)), []);
  assert.deepEqual(parsePartitionTable(Buffer.alloc(10)), []);
});

test("lsblk's names are taken, and nonsense is left out", () => {
  const output = JSON.stringify({
    blockdevices: [
      { kname: "sda1", model: null, serial: null, fstype: "ntfs", label: null, partlabel: "Data", size: 5 },
    ],
  });
  assert.deepEqual(parseBlockLabels(output).get("sda1"), {
    model: "",
    serial: "",
    fileSystem: "ntfs",
    label: "Data",
    sizeBytes: 5,
  });
  assert.equal(parseBlockLabels("lsblk: unknown option").size, 0);
});

test("device numbers beyond the old eight bits", () => {
  assert.equal(deviceNumberText(0x0801), "8:1");
  assert.equal(deviceNumberText(0x10305), "259:5".replace("259:5", `${(0x10305 >>> 8) & 0xfff}:5`));
  assert.equal(deviceNumberText(0x100_0800), `8:4096`);
});

test("a tool that hangs is given up, with its children, in time", async () => {
  const startedAt = Date.now();
  const sleep = `sleep 61.${process.pid}`;
  assert.equal(await runTool(["sh", "-c", `${sleep} & ${sleep}`], 200), null);
  assert.ok(Date.now() - startedAt < 20_000);
  // A killed process is there until it has had a processor once more.
  const isGone = async (): Promise<boolean> => (await runTool(["pgrep", "-fx", sleep], 2000)) === null;
  await waitFor(isGone, { what: "end of the tool's children" });
});

test("a tool that is missing, fails or talks without end is no answer; one that works is", async () => {
  assert.equal(await runTool(["volley-no-such-tool"], 1000), null);
  assert.equal(await runTool(["false"], 1000), null);
  assert.equal(await runTool(["yes"], 20_000), null);
  assert.equal(await runTool(["echo", "hello"], 5000), "hello\n");
});

test("only one process holds a subject, and it is free again once released", async () => {
  const platform = linuxPlatform({ selfCommand: [] });
  const subject = `test ${process.pid} ${Date.now()}`;
  const first = await platform.hold(subject);
  assert.ok(first);
  assert.equal(await platform.hold(subject), null);
  first.release();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await platform.hold(subject);
  assert.ok(second);
  second.release();
});

test("a machine whose inventory cannot be taken is still identified", async () => {
  const hardware = await linuxPlatform({ selfCommand: ["false"] }).identify();
  assert.ok(hardware.memoryBytes > 0);
  assert.equal(await linuxPlatform({ selfCommand: [] }).interfaceAddressTo("127.0.0.1"), "127.0.0.1");
});

test("the disk that this system runs from is never free to be overwritten", async (context) => {
  const disks = await listDisks();
  if (disks.every((disk) => disk.kind !== "disk")) return context.skip("no disk is visible here");
  for (const disk of disks.filter(({ systemUses }) => systemUses.length > 0)) {
    assert.match(disk.systemUses.join(), /root file system|mounted|swap/);
  }
});
