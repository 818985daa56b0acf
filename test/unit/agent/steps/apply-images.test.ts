/** Apply Operating System Image and Apply Data Image, onto NTFS volumes of loop devices. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { fitDisk, fitVolume } from "../../../../agent/platform/linux/fit-disk.ts";
import { applyDataImage } from "../../../../agent/steps/apply-data-image.ts";
import { applyOperatingSystemImage } from "../../../../agent/steps/apply-operating-system-image.ts";
import { partitionDevice as bcdDevice } from "../../../../windows/boot-configuration.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { formatAndPartitionDisk } from "../../../../agent/steps/format-and-partition-disk.ts";
import type { ImageApplier } from "../../../../agent/steps/services.ts";
import { hostPath, unmountVolume } from "../../../../agent/steps/volumes.ts";
import { parseVolumes } from "../../../../agent/steps/windows/volumes.ts";
import { firstSector } from "../../../fixtures/disk-image.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { readHive } from "../../../fixtures/hives.ts";
import { disksOf, loopDisk, type LoopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext, type TestContext } from "../../../fixtures/step-context.ts";
import { writeWim, writeWindows } from "../../../fixtures/windows-image.ts";

interface Room {
  folder: string;
  disk: LoopDisk;
  variables: Record<string, string>;
  context(properties: Record<string, string>, more?: { imageApplier?: ImageApplier }): TestContext;
}

/** A GPT disk with an EFI system partition, a volume for Windows (C:) and one for data (D:), and two packages. */
async function makeRoom(t: Test, style: "GPT" | "MBR" = "GPT"): Promise<Room> {
  const disk = loopDisk(t, { megabytes: 700 });
  const folder = testFolder(t);
  const variables: Record<string, string> = {};
  const packages = { IMG00001: join(folder, "image"), UPG00001: join(folder, "upgrade"), CFG00001: folder };
  const room: Room = {
    folder,
    disk,
    variables,
    context: (properties, more = {}) => {
      const folders = { work: join(folder, "work") };
      const services = { disks: disksOf(disk), folders, diskFitting: { fit: fitDisk, fitVolume }, ...more };
      return testContext({ properties, variables, packages, services });
    },
  };
  const first = style === "GPT" ? ["EFI", "FAT32", "100", "false"] : ["PRIMARY", "NTFS", "100", "true"];
  const rows = [first, ["PRIMARY", "NTFS", "300", "false"], ["PRIMARY", "NTFS", "200", "false"]];
  const properties: Record<string, string> = { DiskIndex: "0", PartitionStyle: style, Partitions: "3" };
  for (const [index, [type = "", fileSystem = "", size = "", bootable = ""]] of rows.entries()) {
    Object.assign(properties, {
      [`Partitions${index}Type`]: type,
      [`Partitions${index}FileSystem`]: fileSystem,
      [`Partitions${index}Size`]: size,
      [`Partitions${index}SizeUnits`]: "MB",
      [`Partitions${index}Bootable`]: bootable,
      [`Partitions${index}VolumeLetterVariable`]: index === 1 ? "OSDisk" : "",
      [`Partitions${index}AssignVolumeLetter`]: index === 0 ? "false" : "true",
    });
  }
  const context = room.context(properties);
  const outcome = await formatAndPartitionDisk.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  keep(room, context);
  for (const marker of ["one", "two"]) writeWindows(join(folder, marker), marker);
  writeWim(join(folder, "image", "windows.wim"), [join(folder, "one"), join(folder, "two")]);
  writeWim(join(folder, "upgrade", "Sources", "install.wim"), [join(folder, "one")]);
  return room;
}

/** What a step has set is there for the next. */
function keep(room: Room, context: TestContext): void {
  for (const name of Object.keys(room.variables)) delete room.variables[name];
  for (const name of context.variables.names()) room.variables[name] = context.variables.get(name);
}

const markerPath = "Users\\Public\\marker.txt";
async function readOn(context: TestContext, path: string): Promise<string> {
  const text = readFileSync(await hostPath(context, path), "utf8");
  await unmountVolume(context, path.slice(0, 1));
  return text;
}

test("the second index goes on the volume in a variable, and is made to start by UEFI", async (t) => {
  const room = await makeRoom(t);
  writeFileSync(join(room.folder, "my.xml"), '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>');
  const context = room.context({
    ImagePackageID: "IMG00001",
    ImageIndex: "2",
    DestinationVariable: "OSDisk",
    ConfigFilePackage: "CFG00001",
    ConfigFileName: "my.xml",
  });
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.equal(context.variables.get("OSDTargetSystemDrive"), "C:");
  assert.equal(await readOn(context, `C:\\${markerPath}`), "two");
  assert.match(await readOn(context, "C:\\windows\\panther\\UNATTEND\\unattend.xml"), /<unattend/);
  const system = `${room.disk.path}p1`;
  const listing = execFileSync("mdir", ["-b", "-/", "-i", system, "::/"], { encoding: "utf8" });
  for (const path of [
    "EFI/Microsoft/Boot/bootmgfw.efi",
    "EFI/Microsoft/Boot/en-US/bootmgfw.efi.mui",
    "EFI/Microsoft/Boot/Fonts/wgl4_boot.ttf",
    "EFI/Microsoft/Boot/BCD",
    "EFI/Boot/bootx64.efi",
  ]) {
    assert.ok(listing.toLowerCase().includes(path.toLowerCase()), `${path} is not among\n${listing}`);
  }
  const store = join(room.folder, "store");
  execFileSync("mcopy", ["-n", "-i", system, "::/EFI/Microsoft/Boot/BCD", store]);
  const hive = readHive(store).replaceAll(/\\\r?\n\s*/g, "");
  const table = JSON.parse(execFileSync("sfdisk", ["--json", room.disk.path], { encoding: "utf8" })) as {
    partitiontable: { id: string; partitions: { uuid: string }[] };
  };
  const diskGuid = table.partitiontable.id;
  const partitionGuid = table.partitiontable.partitions[1]?.uuid ?? "";
  const device = bcdDevice({ style: "GPT", diskGuid, partitionGuid });
  const hex = [...device].map((byte) => byte.toString(16).padStart(2, "0")).join(",");
  assert.equal(hive.split(hex).length - 1, 2, "the loader's device and osdevice are the partition");
  assert.match(hive, /\{9dea862c-5cdd-4e70-acc1-f32b344d4795\}\\Elements\\23000003/);
});

test("a partition's device in the boot configuration", () => {
  const bytes = bcdDevice({
    style: "GPT",
    diskGuid: "00112233-4455-6677-8899-AABBCCDDEEFF",
    partitionGuid: "01020304-0506-0708-090A-0B0C0D0E0F10",
  });
  assert.equal(
    bytes.toString("hex"),
    `${"00".repeat(16)}06000000000000004800000000000000` +
      `0403020106050807090a0b0c0d0e0f10${"00".repeat(8)}33221100554477668899aabbccddeeff${"00".repeat(16)}`,
  );
  const ofMbr = bcdDevice({ style: "MBR", signature: "1A2B3C4D", startBytes: 0x1_0010_0000 });
  assert.equal(
    ofMbr.toString("hex"),
    `${"00".repeat(16)}06000000000000004800000000000000` +
      `0000100001000000${"00".repeat(12)}010000004d3c2b1a${"00".repeat(28)}`,
  );
});

test("all on the volume goes but the sequence's own folder and the user state", async (t) => {
  const room = await makeRoom(t);
  const before = room.context({});
  const root = await hostPath(before, "C:\\");
  for (const path of ["_SMSTaskSequence/Logs", "State/keep", "State/drop", "Windows/Old"]) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, "file"), path);
  }
  room.variables["_SMSTSUserStatePath"] = "C:\\state\\KEEP";
  const context = room.context({ ImagePackageID: "IMG00001", DestinationLogicalDrive: "C:" });
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  const after = await hostPath(context, "C:\\");
  const there = [
    "_SMSTaskSequence/Logs",
    "State/keep",
    "State/drop",
    "Windows/Old",
    "Windows/System32",
  ].filter((path) => existsSync(join(after, path)));
  assert.deepEqual(there, ["_SMSTaskSequence/Logs", "State/keep", "Windows/System32"]);
  const [shown] = context.plans;
  assert.match(shown?.[0] ?? "", /^Everything on C: .* but _SMSTaskSequence and state\\KEEP is deleted:$/);
  assert.ok(shown?.includes("  lost: Windows"), String(shown));
});

test("four kinds of destination", async (t) => {
  const room = await makeRoom(t);
  room.variables["Where"] = "0,3";
  const rows: [string, Record<string, string>, string][] = [
    ["disk and partition", { DestinationDisk: "0", DestinationPartition: "3" }, "D"],
    ["a variable with disk and partition", { DestinationVariable: "Where" }, "D"],
    ["a logical drive", { DestinationLogicalDrive: "d:" }, "D"],
    [
      "MDT's choice among what its editor has kept: disk and partition",
      {
        DestinationOSInstallType: "ByDiskPartition",
        DestinationOSVariable: "OSDisk",
        DestinationOSDriveLetter: "C:",
        DestinationDisk: "0",
        DestinationPartition: "3",
      },
      "D",
    ],
    [
      "MDT's choice: a letter",
      {
        DestinationOSInstallType: "ByDriveLetter",
        DestinationOSVariable: "OSDisk",
        DestinationOSDriveLetter: "D:",
      },
      "D",
    ],
    ["the next that is available", {}, "C"],
  ];
  for (const [name, destination, letter] of rows) {
    const context = room.context({ ImagePackageID: "IMG00001", ...destination });
    const outcome = await applyDataImage.perform(context);
    assert.equal(outcome.exitCode, 0, `${name}: ${outcome.text}\n${outcome.output}`);
    assert.equal(await readOn(context, `${letter}:\\${markerPath}`), "one", name);
    assert.ok(outcome.text.includes(`${letter}:`), name);
    keep(room, context);
  }
  const none = await applyDataImage.perform(room.context({ ImagePackageID: "IMG00001" }));
  assert.equal(none.exitCode, codes.notFound, "both volumes have an image now");
});

test("a data image that wipes nothing, and one that wipes", async (t) => {
  const room = await makeRoom(t);
  for (const [wipe, stays] of [
    ["false", true],
    ["true", false],
  ] as const) {
    const before = room.context({});
    writeFileSync(await hostPath(before, "D:\\mine.txt"), "mine");
    const properties = {
      ImagePackageID: "IMG00001",
      DestinationLogicalDrive: "D:",
      WipeDestinationPartition: wipe,
    };
    const context = room.context(properties);
    const outcome = await applyDataImage.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    assert.equal(existsSync(await hostPath(context, "D:\\mine.txt")), stays);
  }
});

test("an upgrade package's edition, and a package without an image", async (t) => {
  const room = await makeRoom(t);
  const good = room.context({
    InstallPackageID: "UPG00001",
    InstallEditionIndex: "1",
    DestinationVariable: "OSDisk",
  });
  assert.equal((await applyOperatingSystemImage.perform(good)).exitCode, 0);
  assert.equal(await readOn(good, `C:\\${markerPath}`), "one");
  const rows: [Record<string, string>, number][] = [
    [{ ImagePackageID: "NOT00001", DestinationVariable: "OSDisk" }, codes.fileNotFound],
    [{ ImagePackageID: "IMG00001", ImageIndex: "0" }, codes.invalidSetting],
    [{ ImagePackageID: "IMG00001", DestinationVariable: "Nothing" }, codes.invalidSetting],
    [{ ImagePackageID: "IMG00001", DestinationLogicalDrive: "Q:" }, codes.notFound],
    [{ ImagePackageID: "IMG00001", DestinationDisk: "0", DestinationPartition: "9" }, codes.notFound],
  ];
  for (const [properties, exitCode] of rows) {
    const outcome = await applyOperatingSystemImage.perform(room.context(properties));
    assert.equal(outcome.exitCode, exitCode, outcome.text);
  }
  const missingIndex = room.context({
    ImagePackageID: "IMG00001",
    ImageIndex: "9",
    DestinationVariable: "OSDisk",
  });
  assert.notEqual((await applyOperatingSystemImage.perform(missingIndex)).exitCode, 0);
});

test("a block image is handed to what writes it, and its volume then takes the whole partition", async (t) => {
  const room = await makeRoom(t);
  const volume = join(room.folder, "volume.ntfs");
  execFileSync("truncate", ["--size", "60M", volume]);
  execFileSync("mkntfs", ["-F", "-Q", "-q", volume], { stdio: "ignore" });
  const wim = join(room.folder, "image", "windows.wim");
  execFileSync("wimlib-imagex", ["apply", wim, "2", volume], { stdio: "ignore" });
  const written: string[] = [];
  let sectorBytes: 512 | 4096 = 4096;
  const imageApplier: ImageApplier = {
    formatOf: () => Promise.resolve("block"),
    files: () => assert.fail("files are applied"),
    diskDemand: () =>
      Promise.resolve({
        rule: { removable: false },
        image: { name: "windows", smallestDiskBytes: 0, sectorBytes, firmware: [] },
        firmware: "unknown" as const,
        contentBytes: 0,
      }),
    writeTo({ device, progress }) {
      progress(0.5);
      execFileSync("dd", [`if=${volume}`, `of=${device}`, "bs=1M"], { stdio: "ignore" });
      written.push(device);
      return Promise.resolve("all of it by multicast");
    },
  };
  const properties = { ImagePackageID: "IMG00001", DestinationVariable: "OSDisk" };
  const refused = await applyOperatingSystemImage.perform(room.context(properties, { imageApplier }));
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.text, /on a disk with sectors of 512 bytes, and image IMG00001 is for 4096/);
  assert.deepEqual(written, []);
  sectorBytes = 512;
  const context = room.context(properties, { imageApplier });
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  const partition = `${room.disk.path}p2`;
  assert.deepEqual(written, [partition]);
  assert.match(String(context.plans), /Everything on .*p2\) is replaced by image IMG00001/);
  assert.match(outcome.text, /multicast.*grown to its partition/);
  const [before, after] = [firstSector(volume), firstSector(partition)];
  // Sectors, of which some at the end make no whole cluster; the serial number.
  const lost = BigInt(300 * 2048) - after.readBigUInt64LE(40);
  assert.ok(lost > 0n && lost < 16n, `${lost} sectors are not the volume's`);
  assert.notEqual(after.readBigUInt64LE(72), before.readBigUInt64LE(72));
  assert.equal(await readOn(context, `C:\\${markerPath}`), "two");
  assert.doesNotMatch(execFileSync("ntfsinfo", ["-m", partition], { encoding: "utf8" }), /DIRTY/);
  execFileSync("mdir", ["-i", `${room.disk.path}p1`, "::/EFI/Microsoft/Boot/BCD"], { stdio: "ignore" });
});

test("a whole disk's image that does not go onto the disk: the code says why, and nothing is written", async (t) => {
  const room = await makeRoom(t);
  let image = { name: "lab", smallestDiskBytes: 2 ** 50, sectorBytes: 512 as 512 | 4096, firmware: [] };
  const imageApplier: ImageApplier = {
    formatOf: () => Promise.resolve("disk"),
    files: () => assert.fail("files are applied"),
    diskDemand: () =>
      Promise.resolve({ rule: { removable: false }, image, firmware: "unknown" as const, contentBytes: 0 }),
    writeTo: () => assert.fail("the disk was written"),
  };
  const apply = () =>
    applyOperatingSystemImage.perform(
      room.context({ ImagePackageID: "IMG00001", DestinationDisk: "0" }, { imageApplier }),
    );
  const tooSmall = await apply();
  assert.match(tooSmall.text, /^E_DEVICE_TOO_SMALL: Disk 0, .* needs 1125899906842624 bytes/);
  assert.equal(tooSmall.exitCode, codes.diskFull);
  image = { ...image, smallestDiskBytes: 0, sectorBytes: 4096 };
  const otherSectors = await apply();
  assert.match(otherSectors.text, /^E_SECTOR_SIZE: Disk 0, /);
  assert.equal(otherSectors.exitCode, codes.notSupported);
});

test("diskpart's list of volumes", () => {
  const output = [
    "  Volume ###  Ltr  Label        Fs     Type        Size     Status     Info",
    "  ----------  ---  -----------  -----  ----------  -------  ---------  --------",
    "  Volume 0     D   DVD_ROM      UDF    CD-ROM      4321 MB  Healthy",
    "  Volume 1     C   Local Disk   NTFS   Partition     99 GB  Healthy    Boot",
    "* Volume 2         System       FAT32  Partition    260 MB  Healthy    System",
    "",
  ].join("\r\n");
  assert.deepEqual(parseVolumes(output), [
    { letter: "D", fileSystem: "UDF", kind: "CD-ROM", isSystem: false },
    { letter: "C", fileSystem: "NTFS", kind: "Partition", isSystem: false },
    { letter: "", fileSystem: "FAT32", kind: "Partition", isSystem: true },
  ]);
});
