/** A disk that was deployed from a WIM and is fitted: grown, with identifiers of its own, and starting as before. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord, WimForm } from "../../contract/administration.ts";
import { checkBootStore, readBootStore } from "../../windows/boot-store.ts";
import {
  emptyDisk,
  firstSector,
  partitionOf,
  readFromNtfs,
  tableOf,
  takeFromFat,
  type DiskPartition,
} from "../fixtures/disk-image.ts";
import { readHive } from "../fixtures/hives.ts";
import { loopDisk } from "../fixtures/loop-disk.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { completeWindows, writeWim, writeWindows } from "../fixtures/windows-image.ts";

const diskMegabytes = 2000;
const more = process.env["VOLLEY_TEST_LEVEL"] === "standard" ? "half a minute: with --windows" : false;

let room: Room;
let site: SiteProcess;
let wim: string;
before(async () => {
  room = await openRoom("wim fit");
  site = await room.startSite();
  const folder = join(room.folder, "windows");
  writeWindows(folder);
  completeWindows(folder, { generalised: true, recoveryBytes: 200_000 });
  wim = join(room.folder, "install.wim");
  writeWim(wim, [folder]);
});
after(() => room.close());

async function imported(form: WimForm): Promise<ImageRecord> {
  const { error, image } = await site.importEnds({ path: wim, name: form, as: form });
  assert.equal(error, null);
  assert.ok(image);
  return image;
}

async function deploy(image: ImageRecord, disk: string): Promise<string> {
  const rule = { removable: false, fit: true };
  const deployment = await site.createDeployment({ name: image.name, imageId: image.id, disk: rule });
  try {
    const agent = await room.startAgent(site, { name: `pc-${image.name}`, disk });
    await agent.exits(0);
    return agent.output;
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
}

/** Whether the volume takes all of its partition but what makes no whole cluster. */
function fills({ node, size }: DiskPartition): boolean {
  const sectors = Number(firstSector(node).readBigUInt64LE(40));
  return sectors <= size && sectors > size - 16;
}

test(
  "a GPT disk: the recovery partition moves to the end, and Windows takes the room",
  { skip: more },
  async (t) => {
    const image = await imported("disk");
    const plain = emptyDisk(join(room.folder, "plain"), image.bytes);
    const deployment = await site.createDeployment({ name: "plain", imageId: image.id });
    await (await room.startAgent(site, { name: "pc-plain", disk: plain })).exits(0);
    await site.client.post(`/deployments/${deployment.id}/close`, {});
    const [disk, before_] = [loopDisk(t, { megabytes: diskMegabytes }).path, tableOf(plain)];
    await deploy(image, disk);
    const table = tableOf(disk);
    execFileSync("sfdisk", ["--verify", disk], { stdio: "ignore" });
    assert.equal(table.partitions.length, 4);
    for (const [index, partition] of table.partitions.entries()) {
      assert.notEqual(partition.uuid, before_.partitions[index]?.uuid);
      assert.equal(partition.type, before_.partitions[index]?.type);
      assert.equal(partition.attrs, before_.partitions[index]?.attrs);
    }
    assert.notEqual(table.id, before_.id);
    const recovery = partitionOf(disk, 4);
    assert.ok(recovery.start + recovery.size > (diskMegabytes - 3) * 2048, "it is at the end");
    assert.equal(recovery.size, partitionOf(plain, 4).size);
    const windows = partitionOf(disk, 3);
    assert.equal(windows.start + windows.size, recovery.start);
    assert.ok(fills(windows), "the volume takes its partition");
    assert.equal(readFromNtfs(windows.node, "Users/Public/marker.txt").toString(), "one");
    const source = readFileSync(join(room.folder, "windows/Windows/System32/Recovery/Winre.wim"));
    assert.ok(readFromNtfs(recovery.node, "Recovery/WindowsRE/Winre.wim").equals(source));
    const store = takeFromFat(disk, 1, "/EFI/Microsoft/Boot/BCD", room.folder);
    assert.deepEqual(checkBootStore(readBootStore(readHive(store)), "uefi"), []);
  },
);

test("an MBR disk gets a signature of its own, and its boot code stays", async (t) => {
  const image = await imported("disk-mbr");
  const disk = loopDisk(t, { megabytes: diskMegabytes }).path;
  await deploy(image, disk);
  const table = tableOf(disk);
  assert.equal(table.label, "dos");
  assert.match(table.id, /^0x[0-9a-f]{8}$/);
  assert.equal(partitionOf(disk, 1).bootable, true);
  assert.ok(firstSector(disk).subarray(0, 440).includes("GRUB"), "its boot code is GRUB's");
  const windows = partitionOf(disk, 2);
  assert.ok(fills(windows), "the volume takes its partition");
  assert.ok(windows.size > (diskMegabytes - 700) * 2048, "it was grown");
  writeFileSync(join(room.folder, "BCD"), readFromNtfs(partitionOf(disk, 1).node, "Boot/BCD"));
  assert.deepEqual(checkBootStore(readBootStore(readHive(join(room.folder, "BCD"))), "bios"), []);
});

test("a disk with no Windows stays as the image has it", { skip: more }, async (t) => {
  const { bytes, path } = await room.makeImage(8);
  const image = await site.importImage(path, "other");
  const disk = loopDisk(t, { megabytes: 20 }).path;
  await deploy(image, disk);
  assert.ok(readFileSync(disk).subarray(0, bytes).equals(readFileSync(path)));
});
