/**
 * A deployed disk that a Windows PE makes to fit: the addon moves and writes, on Linux's loop devices and as Windows' own under
 * Wine; diskpart and reg are doubles, and what diskpart was asked for is then done by ntfsresize.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fitDisk, partitionsOf } from "../../agent/platform/windows/fit-disk.ts";
import type { WindowsTools } from "../../agent/platform/windows/tools.ts";
import type { ImageRecord, WimForm } from "../../contract/administration.ts";
import { rewriteDisk } from "../../native/index.ts";
import {
  emptyDisk,
  firstSector,
  partitionOf,
  readFromNtfs,
  tableOf,
  takeFromFat,
  type DiskPartition,
} from "../fixtures/disk-image.ts";
import { loopDisk } from "../fixtures/loop-disk.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { doubleDiskOf, extendReally, windowsDiskOf, type ShownDisk } from "../fixtures/shown-disk.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { completeWindows, writeWim, writeWindows } from "../fixtures/windows-image.ts";
import type { WindowsAnswer, WindowsRequest } from "../fixtures/windows-native.ts";
import { laptop } from "../fixtures/windows-facts.ts";
import { allTools } from "../fixtures/windows-tools/all.ts";
import { bootStore } from "../fixtures/windows-tools/bcdedit.ts";
import { doubleMachine, windowsTools } from "../fixtures/windows-tools/machine.ts";
import { makePrefix, runWine, winePath } from "../fixtures/wine.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
const diskMegabytes = 2000;
const root = fileURLToPath(new URL("../../../", import.meta.url));

let room: Room;
let site: SiteProcess;
let wim: string;
before(async () => {
  if (skip !== false) return;
  room = await openRoom("windows fit");
  site = await room.startSite();
  const folder = join(room.folder, "windows");
  writeWindows(folder);
  completeWindows(folder, { generalised: true, recoveryBytes: 900_000 });
  wim = join(room.folder, "install.wim");
  writeWim(wim, [folder]);
});
after(async () => {
  if (skip === false) await room.close();
});

/** A file with the image as it was deployed, the same for every disk of this test. */
async function deployed(form: WimForm): Promise<{ image: ImageRecord; file: string }> {
  const { error, image } = await site.importEnds({ path: wim, name: form, as: form });
  assert.equal(error, null);
  assert.ok(image);
  const file = emptyDisk(join(room.folder, form), image.bytes);
  const deployment = await site.createDeployment({ name: form, imageId: image.id });
  await (await room.startAgent(site, { name: `pc-${form}`, disk: file })).exits(0);
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  return { image, file };
}

/** What a Windows PE would show of it, with the volume of the boot configuration as a folder. */
function shownOn(
  file: string,
  path: string,
  { system, store }: { system: number; store: string },
): ShownDisk {
  const sizeBytes = diskMegabytes * 2 ** 20;
  return { path, file, sizeBytes, sectorBytes: 512, volumes: new Map([[system, store]]) };
}

/** As Windows' tools, whose diskpart does what it was asked for; `done`: what each of them did. */
function toolsOn(shown: ShownDisk, done: string[] = []): WindowsTools {
  const machine = doubleMachine({ done });
  bootStore(machine).firmwareOrder = ["{network}"];
  const tools = windowsTools(machine, allTools());
  let letters: (string | null)[] = [];
  return {
    path: (program) => program,
    async run(command) {
      const disk = doubleDiskOf(shown);
      for (const [index, partition] of disk.partitions.entries()) partition.letter = letters[index] ?? null;
      machine.disks = [disk];
      const { exitCode, output } = await tools.run({ command });
      letters = disk.partitions.map(({ letter }) => letter);
      if (exitCode !== 0) return null;
      if (command[0] === "diskpart.exe" && done.at(-1) === "extend") {
        extendAs(done.slice(-4).join("\r\n"), shown.file);
      }
      return output;
    },
  };
}

function extendAs(script: string, disk: string): void {
  const number = /^rescan\r\nselect disk 0\r\nselect partition (\d)\r\nextend\s*$/.exec(script)?.[1];
  assert.ok(number !== undefined, script);
  extendReally(disk, Number(number));
}

const volumeSerial = (node: string): string => firstSector(node).toString("hex", 72, 80);

function fills({ node, size }: DiskPartition): boolean {
  const sectors = Number(firstSector(node).readBigUInt64LE(40));
  return sectors <= size && sectors > size - 16;
}

/** `disk`: a loop device with the partitions' nodes; `plain`: the image as it came. */
function assertFitted(disk: string, plain: string): void {
  const [table, was] = [tableOf(disk), tableOf(plain)];
  execFileSync("sfdisk", ["--verify", disk], { stdio: "ignore" });
  assert.notEqual(table.id, was.id);
  for (const [index, partition] of table.partitions.entries()) {
    assert.notEqual(partition.uuid, was.partitions[index]?.uuid);
    assert.equal(partition.type, was.partitions[index]?.type);
    assert.equal(partition.attrs, was.partitions[index]?.attrs);
  }
  const [windows, recovery] = [partitionOf(disk, 3), partitionOf(disk, 4)];
  assert.ok(recovery.start + recovery.size > (diskMegabytes - 3) * 2048, "it is at the end");
  assert.equal(recovery.size, partitionOf(plain, 4).size);
  assert.equal(windows.start + windows.size, recovery.start);
  assert.ok(fills(windows), "the volume takes its partition");
  assert.equal(readFromNtfs(windows.node, "Users/Public/marker.txt").toString(), "one");
  const source = readFileSync(join(room.folder, "windows/Windows/System32/Recovery/Winre.wim"));
  assert.ok(readFromNtfs(recovery.node, "Recovery/WindowsRE/Winre.wim").equals(source));
  for (const { node } of [windows, recovery]) {
    execFileSync("ntfsfix", ["--no-action", node], { stdio: "ignore" });
  }
  // ntfsresize, which stands in for diskpart, writes no copy at the new end of Windows' volume.
  const copy = Number(firstSector(recovery.node).readBigUInt64LE(40));
  const words = [`if=${recovery.node}`, "bs=512", "count=1", `skip=${copy}`, "status=none"];
  const serial = execFileSync("dd", words).toString("hex", 72, 80);
  assert.equal(serial, volumeSerial(recovery.node), "the copy of the first sector agrees");
  assert.notEqual(volumeSerial(windows.node), volumeSerial(recovery.node));
}

/** The image on a larger disk, which nobody has touched since. */
function onLargerDisk(disk: string, file: string): void {
  execFileSync("dd", [`if=${file}`, `of=${disk}`, "bs=1M", "conv=notrunc,sparse"], { stdio: "ignore" });
}

test("a GPT disk: grown, with identifiers of its own", { skip, timeout: 900_000 }, async (t) => {
  const { file } = await deployed("disk");
  const [folder, disk] = [join(room.folder, "volume"), loopDisk(t, { megabytes: diskMegabytes }).path];
  mkdirSync(folder);
  const store = takeFromFat(file, 1, "/EFI/Microsoft/Boot/BCD", room.folder);
  await t.test("by the addon for Linux", async () => {
    // A name in which Windows' separators are letters.
    copyFileSync(store, join(folder, "EFI\\Microsoft\\Boot\\BCD"));
    onLargerDisk(disk, file);
    const shown = shownOn(disk, disk, { system: 1, store: `${folder}/` });
    const facts = { disks: () => [windowsDiskOf(shown)], system: laptop(true).system };
    const uuids = tableOf(file).partitions.map(({ uuid = "" }) => uuid.toLowerCase());
    const done: string[] = [];
    const tools = toolsOn(shown, done);
    assert.deepEqual(await partitionsOf(disk, { facts, tools }), uuids);
    const rewrite = async (options: Parameters<typeof rewriteDisk>[0]): Promise<void> => {
      await rewriteDisk(options).result;
    };
    const said = await fitDisk(disk, { partitionsBefore: uuids }, { facts, tools, rewrite });
    assert.match(
      said.join("; "),
      /Windows was grown by .*; .* have identifiers of their own; The firmware has an entry/,
    );
    // The letter is there for as long as bcdboot needs it.
    const script = ["select disk 0", "select partition 3"];
    const start = [...script, "assign letter=W", "bcdboot W:\\Windows", ...script, "remove letter=W"];
    assert.deepEqual(done.slice(-start.length), start);
    execFileSync("partx", ["--update", disk]);
    assertFitted(disk, file);
  });
  await t.test("by the addon for Windows, under Wine", async () => {
    await makePrefix();
    const larger = join(room.folder, "larger");
    copyFileSync(file, larger);
    truncateSync(larger, diskMegabytes * 2 ** 20);
    const volume = join(room.folder, "volume-of-wine");
    mkdirSync(join(volume, "EFI/Microsoft/Boot"), { recursive: true });
    copyFileSync(store, join(volume, "EFI/Microsoft/Boot/BCD"));
    const shown = shownOn(larger, winePath(larger), { system: 1, store: `${winePath(volume)}\\` });
    const key = "HKLM\\VolleyBoot";
    const tools = windowsTools(doubleMachine(), allTools());
    const ask = async (...words: string[]): Promise<string> =>
      (await tools.run({ command: ["reg.exe", ...words] })).output;
    await ask("load", key, store);
    const answers = {
      [`load ${key}`]: "",
      [`query ${key}\\Objects`]: await ask("query", `${key}\\Objects`, "/s"),
      [`unload ${key}`]: "",
    };
    const { fitted, error } = await askWindows({ work: "fit", disk: windowsDiskOf(shown), answers });
    assert.equal(error, undefined);
    const device = attach(larger);
    t.after(() => execFileSync("losetup", ["--detach", device]));
    extendAs(fitted?.script.trimEnd() ?? "", device);
    assertFitted(device, file);
  });
});

function attach(file: string): string {
  const words = ["--find", "--show", "--partscan", file];
  return execFileSync("losetup", words, { encoding: "utf8" }).trim();
}

async function askWindows(request: WindowsRequest): Promise<WindowsAnswer> {
  const program = fileURLToPath(new URL("../fixtures/windows-native.js", import.meta.url));
  const [requestPath, answerPath] = [join(room.folder, "request"), join(room.folder, "answer")];
  writeFileSync(requestPath, JSON.stringify(request));
  const node = join(root, "build/windows-node/node.exe");
  const run = await runWine(
    [node, winePath(program), winePath(requestPath), winePath(answerPath)],
    room.folder,
  );
  assert.equal(run.code, 0, run.story);
  return JSON.parse(readFileSync(answerPath, "utf8")) as WindowsAnswer;
}

test(
  "an MBR disk: grown, with a signature of its own and its boot code",
  { skip, timeout: 900_000 },
  async (t) => {
    const { file } = await deployed("disk-mbr");
    const [folder, disk] = [join(room.folder, "volume-mbr"), loopDisk(t, { megabytes: diskMegabytes }).path];
    mkdirSync(folder);
    onLargerDisk(disk, file);
    execFileSync("partx", ["--update", disk]);
    writeFileSync(join(folder, "Boot\\BCD"), readFromNtfs(partitionOf(disk, 1).node, "Boot/BCD"));
    const shown = shownOn(disk, disk, { system: 1, store: `${folder}/` });
    const rewrite = async (options: Parameters<typeof rewriteDisk>[0]): Promise<void> => {
      await rewriteDisk(options).result;
    };
    await fitDisk(
      disk,
      { partitionsBefore: [] },
      {
        facts: { disks: () => [windowsDiskOf(shown)], system: laptop(true).system },
        tools: toolsOn(shown),
        rewrite,
      },
    );
    const table = tableOf(disk);
    assert.notEqual(table.id, tableOf(file).id);
    assert.equal(partitionOf(disk, 1).bootable, true);
    assert.ok(
      firstSector(disk).subarray(0, 440).equals(firstSector(file).subarray(0, 440)),
      "its boot code stays",
    );
    const windows = partitionOf(disk, 2);
    assert.ok(fills(windows), "the volume takes its partition");
    assert.ok(windows.size > (diskMegabytes - 700) * 2048, "it was grown");
  },
);
