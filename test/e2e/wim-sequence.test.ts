/**
 * A task sequence of a Linux PE that puts the image of a whole Windows disk on the disk: it is fitted as a deployment with --fit
 * does it, and the steps that follow find the Windows on it. The agent's root is in memory, its firmware a double.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { WimForm } from "../../contract/administration.ts";
import { errors } from "../../contract/errors.ts";
import { checkBootStore, readBootStore } from "../../windows/boot-store.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { firstSector, partitionOf, readFromNtfs, tableOf, takeFromFat } from "../fixtures/disk-image.ts";
import { efibootmgrScript, type FirmwareEntries } from "../fixtures/efibootmgr.ts";
import { readHive } from "../fixtures/hives.ts";
import { inf } from "../fixtures/inf-text.ts";
import { loopDisk } from "../fixtures/loop-disk.ts";
import { memoryRoot, type MemoryRoot } from "../fixtures/memory-root.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { sequenceText, step, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";
import { completeWindows, fakeProgram, writeWim, writeWindows } from "../fixtures/windows-image.ts";

const diskMegabytes = 2000;
const recoveryBytes = 200_000;
const gone = "99999999-2222-3333-4444-555555555555";
const unplugged = "77777777-2222-3333-4444-555555555555";

const longer = process.env["VOLLEY_TEST_LEVEL"] === "standard" ? "half a minute: with --windows" : false;

let room: Room;
let site: SiteProcess;
let wim: string;
before(async () => {
  room = await openRoom("wim sequence");
  site = await room.startSite();
  const windows = join(room.folder, "windows");
  writeWindows(windows);
  completeWindows(windows, { generalised: true, recoveryBytes });
  wim = join(room.folder, "install.wim");
  writeWim(wim, [windows]);
  const agent = join(room.folder, "volley-agent.exe");
  writeFileSync(agent, Buffer.concat([fakeProgram(), Buffer.from("volley-agent.exe", "utf16le")]));
  await volley("agent", "add", agent);
  const drivers = join(room.folder, "drivers");
  mkdirSync(drivers);
  for (const [name, text] of [
    ["net.inf", inf()],
    ["net.cat", "catalog"],
  ] as const) {
    writeFileSync(join(drivers, name), text);
  }
  await volley("package", "add", drivers, "--id", "DRV00001");
});
after(() => room.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);

/** The image as a package, and a deployment of what is done with it. */
async function deployDisk(form: WimForm, packageId: string, more = ""): Promise<void> {
  const { error } = await site.importEnds({ path: wim, name: form, as: form });
  assert.equal(error, null);
  await volley("package", "image", form, "--id", packageId);
  const file = join(room.folder, `${form}.xml`);
  const steps = [
    step("ApplyOperatingSystem", "Image", variable("ImagePackageID", packageId), more),
    step("ApplyWindowsSettings", "Settings", variable("ComputerName", "LAB-07")),
    step("ApplyDriverPackage", "Drivers", variable("DriverPackageID", "DRV00001")),
    step("SetupWindowsAndSMS", "Setup", ""),
  ];
  writeFileSync(file, sequenceText(...steps));
  await volley("sequence", "add", file, "--name", form);
  await volley("deployment", "create", form, "--sequence", form);
}

const inPe = (name: string, disk: string, pe: MemoryRoot): Promise<AgentProcess> =>
  room.startAgent(site, { name, disk, prefix: pe.prefix, environment: pe.environment });

/** What the steps after the image have put into the Windows on `volume`. */
function assertSetUp(volume: string): void {
  const read = (path: string): string => readFromNtfs(volume, path).toString("utf8");
  const answers = read("Windows/Panther/Unattend/Unattend.xml");
  assert.match(answers, /<ComputerName>LAB-07<\/ComputerName>/);
  assert.match(answers, /pnputil\.exe \/add-driver/);
  assert.equal(read("_SMSTaskSequence/Drivers/001/net.inf"), inf());
  assert.match(read("Windows/Setup/Scripts/SetupComplete.cmd"), /Volley\\Agent\\start\.cmd/);
  assert.ok(readFromNtfs(volume, "Windows/Volley/Agent/volley-agent.exe").equals(fakeAgent()));
  assert.equal(read("Users/Public/marker.txt"), "one");
}
const fakeAgent = (): Buffer => readFileSync(join(room.folder, "volley-agent.exe"));

/** Whether the volume takes all of its partition but what makes no whole cluster. */
function assertFills(disk: string, number: number): void {
  const { node, size } = partitionOf(disk, number);
  const sectors = Number(firstSector(node).readBigUInt64LE(40));
  assert.ok(sectors <= size && sectors > size - 16, `${sectors} of ${size} sectors`);
}

test("UEFI: grown, with identifiers of its own, started by the firmware, and set up by the steps that follow", async (t) => {
  const disk = loopDisk(t, { megabytes: diskMegabytes }).path;
  const old = `label: gpt\nsize=100MiB, type=uefi, uuid=${gone}\n`;
  execFileSync("sfdisk", ["--quiet", disk], { input: old });
  const pe = memoryRoot(join(room.folder, "uefi"), { uefi: true });
  const file = join(room.folder, "firmware.json");
  const leadsTo = (guid: string): string =>
    `debian\tHD(1,GPT,${guid},0x800,0x32000)/File(\\EFI\\debian\\shimx64.efi)`;
  const network = "UEFI: PXE IPv4\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.0)";
  const entries = { "0000": leadsTo(gone), "0001": network, "0002": leadsTo(unplugged) };
  writeFileSync(file, JSON.stringify({ order: ["0001", "0000", "0002"], entries }));
  pe.replace("efibootmgr", efibootmgrScript(file));
  await deployDisk("disk", "VOL00001");
  const images = await site.client.get<{ name: string; bytes: number }[]>("/images");
  const image = images.find(({ name }) => name === "disk");
  assert.ok(image);
  const agent = await inPe("pc-uefi", disk, pe);
  await agent.exits(errors.E_RESTART_NEEDED.exitCode);
  execFileSync("sfdisk", ["--verify", disk], { stdio: "ignore" });
  const [efi, , windows, recovery] = tableOf(disk).partitions;
  assert.ok(efi?.uuid && windows && recovery);
  assert.ok(windows.size * 512 > image.bytes, "Windows alone takes more than the image had");
  assert.ok(recovery.start + recovery.size > (diskMegabytes - 3) * 2048, "recovery is at the end");
  assert.equal(windows.start + windows.size, recovery.start);
  assertFills(disk, 3);
  const winre = readFileSync(join(room.folder, "windows/Windows/System32/Recovery/Winre.wim"));
  assert.ok(readFromNtfs(recovery.node, "Recovery/WindowsRE/Winre.wim").equals(winre));
  const store = takeFromFat(disk, 1, "/EFI/Microsoft/Boot/BCD", room.folder);
  assert.deepEqual(checkBootStore(readBootStore(readHive(store)), "uefi"), []);
  assertSetUp(windows.node);
  const firmware = JSON.parse(readFileSync(file, "utf8")) as FirmwareEntries;
  assert.deepEqual(Object.keys(firmware.entries).sort(), ["0000", "0001", "0002"]);
  const own = firmware.entries["0000"]?.toLowerCase() ?? "";
  assert.ok(own.startsWith("windows boot manager\t"), own);
  assert.ok(own.includes(`hd(1,gpt,${efi.uuid.toLowerCase()},`), own);
  assert.deepEqual(firmware.order, ["0001", "0000", "0002"], "it has the place of what is gone");
  for (const text of [
    /Windows was grown by .*, to the end of/,
    /and its partitions have identifiers of their own/,
    /The boot entry "debian" led to no partition and is removed/,
    /The firmware has an entry for this Windows/,
  ]) {
    assert.match(agent.log, text);
  }
  await volley("deployment", "close", "disk");
});

test(
  "BIOS: what fails on the way is said, no later step takes the disk for a Windows, and the next run mends it",
  { skip: longer },
  async (t) => {
    const disk = loopDisk(t, { megabytes: diskMegabytes }).path;
    const pe = memoryRoot(join(room.folder, "bios"), { uefi: false });
    await deployDisk("disk-mbr", "VOL00002", 'continueOnError="true"');
    pe.replace("ntfsresize", "#!/bin/sh\necho 'ERROR: it is on strike' >&2\nexit 1\n");
    const first = await inPe("pc-bios", disk, pe);
    await first.exits(errors.E_SEQUENCE_FAILED.exitCode);
    const why = `Image VOL00002 is on ${disk}, which did not become this computer's own: E_TOOL_FAILED: ntfsresize .*strike`;
    assert.match(first.log, new RegExp(why));
    assert.match(first.log, /No operating system was applied before/);
    const broken = tableOf(disk).id;
    await volley("deployment", "close", "disk-mbr");
    pe.replace("ntfsresize", null);
    await volley("deployment", "create", "again", "--sequence", "disk-mbr");
    const second = room.restartAgent(first);
    await second.exits(errors.E_RESTART_NEEDED.exitCode);
    const table = tableOf(disk);
    assert.equal(table.label, "dos");
    assert.match(table.id, /^0x[0-9a-f]{8}$/);
    assert.notEqual(table.id, broken);
    assert.equal(partitionOf(disk, 1).bootable, true);
    assertFills(disk, 2);
    assert.ok(firstSector(disk).subarray(0, 440).includes("GRUB"), "its boot code stays");
    writeFileSync(join(room.folder, "BCD"), readFromNtfs(partitionOf(disk, 1).node, "Boot/BCD"));
    assert.deepEqual(checkBootStore(readBootStore(readHive(join(room.folder, "BCD"))), "bios"), []);
    assertSetUp(partitionOf(disk, 2).node);
    assert.ok(!existsSync(`${disk}p5`));
  },
);
