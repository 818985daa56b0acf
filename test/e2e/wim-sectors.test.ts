/** Disks with logical sectors of 4096 bytes: an image for them is composed from a WIM, and no other is put on one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord, ImportRequest } from "../../contract/administration.ts";
import { checkBootStore, readBootStore } from "../../windows/boot-store.ts";
import { firstSector, readFromNtfs, tableOf } from "../fixtures/disk-image.ts";
import { readHive } from "../fixtures/hives.ts";
import { loopDisk } from "../fixtures/loop-disk.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { completeWindows, writeWim, writeWindows } from "../fixtures/windows-image.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "standard" ? "half a minute: with --windows" : false;
const diskMegabytes = 2000;

let room: Room;
let site: SiteProcess;
let wim: string;
let deployments = 0;
before(async () => {
  if (skip !== false) return;
  room = await openRoom("wim sectors");
  site = await room.startSite();
  const folder = join(room.folder, "windows");
  writeWindows(folder);
  completeWindows(folder, { generalised: true, recoveryBytes: 200_000 });
  wim = join(room.folder, "install.wim");
  writeWim(wim, [folder]);
});
after(async () => {
  if (skip === false) await room.close();
});

async function imported(name: string, more: Partial<ImportRequest>): Promise<ImageRecord> {
  const { error, image } = await site.importEnds({ path: wim, name, ...more });
  assert.equal(error, null);
  assert.ok(image);
  return image;
}

async function deploy(image: ImageRecord, disk: string, exitCode: number | null): Promise<string> {
  const rule = { removable: false, fit: true };
  deployments += 1;
  const name = `${image.name} ${deployments}`;
  const deployment = await site.createDeployment({ name, imageId: image.id, disk: rule });
  const agent = await room.startAgent(site, { name: `pc-${deployments}`, disk });
  const { code } = await agent.ended;
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  if (exitCode === null) assert.notEqual(code, 0);
  else assert.equal(code, exitCode, agent.output);
  return agent.process.story();
}

test("an image for 4096 is started by such a disk and fills it", { skip, timeout: 900_000 }, async (t) => {
  const image = await imported("large", { sectorBytes: 4096 });
  assert.equal(image.sectorBytes, 4096);
  assert.deepEqual(image.firmware, ["uefi"]);
  const disk = loopDisk(t, { megabytes: diskMegabytes, sectorBytes: 4096 }).path;
  await deploy(image, disk, 0);
  execFileSync("sfdisk", ["--verify", disk], { stdio: "ignore" });
  const { partitions } = tableOf(disk);
  assert.equal(partitions.length, 4);
  const [system, , windows, recovery] = partitions;
  assert.ok(system && windows && recovery);
  assert.ok((recovery.start + recovery.size) * 4096 > (diskMegabytes - 3) * 2 ** 20, "it is at the end");
  for (const { node, size, start } of [windows, recovery]) {
    const first = firstSector(node);
    assert.equal(first.readUInt16LE(11), 4096, "bytes per sector");
    const sectors = Number(first.readBigUInt64LE(40));
    assert.ok(sectors <= size && sectors > size - 16, `the volume at ${start} takes its partition`);
  }
  assert.equal(readFromNtfs(windows.node, "Users/Public/marker.txt").toString(), "one");
  const source = readFileSync(join(room.folder, "windows/Windows/System32/Recovery/Winre.wim"));
  assert.ok(readFromNtfs(recovery.node, "Recovery/WindowsRE/Winre.wim").equals(source));
  assert.equal(firstSector(system.node).readUInt16LE(11), 4096);
  const store = join(room.folder, "BCD");
  execFileSync("mcopy", ["-n", "-i", system.node, "::/EFI/Microsoft/Boot/BCD", store]);
  assert.deepEqual(checkBootStore(readBootStore(readHive(store)), "uefi"), []);
  await t.test("and is refused by a disk with sectors of 512 bytes, which stays as it is", async (inner) => {
    const other = loopDisk(inner, { megabytes: diskMegabytes }).path;
    writeFileSync(other, "what was here", { flag: "r+" });
    assert.match(await deploy(image, other, null), /has sectors of 512 bytes, and image "large" is for 4096/);
    assert.equal(firstSector(other).toString("latin1", 0, 13), "what was here");
  });
});

test(
  "an image for 512 is refused by a disk with sectors of 4096 bytes",
  { skip, timeout: 900_000 },
  async (t) => {
    const image = await imported("small", { as: "volume" });
    assert.equal(image.sectorBytes, 512);
    const disk = loopDisk(t, { megabytes: diskMegabytes, sectorBytes: 4096 }).path;
    writeFileSync(disk, "what was here", { flag: "r+" });
    assert.match(await deploy(image, disk, null), /has sectors of 4096 bytes, and image "small" is for 512/);
    assert.equal(firstSector(disk).toString("latin1", 0, 13), "what was here");
    assert.equal((await imported("large volume", { as: "volume", sectorBytes: 4096 })).sectorBytes, 4096);
  },
);

test("no BIOS starts such a disk", { skip }, async () => {
  const { error } = await site.importEnds({ path: wim, name: "never", as: "disk-mbr", sectorBytes: 4096 });
  assert.equal(error?.code, "E_USAGE");
});
