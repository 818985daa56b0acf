/**
 * The power fails in mid-image, on a disk that loses or tears every write that was not flushed: what is left does not
 * look bootable; started again, the machine ends with the right disk, and what it had already verified and kept is
 * not sent again.
 */
import assert from "node:assert/strict";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import { mountFaultyDisk } from "../fixtures/faulty-disk.ts";
import { random } from "../fixtures/random.ts";
import { diskEquals, openRoom, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 48;
const cuts = process.env["VOLLEY_TEST_LEVEL"] === "long" ? 12 : 3;
let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;

before(async () => {
  room = await openRoom("power cut");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

/** Whether firmware could take the disk for a bootable one: a boot signature, or a GPT at either end. */
async function looksBootable(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const [first, last] = [Buffer.alloc(1024), Buffer.alloc(512)];
    await file.read(first, 0, first.length, 0);
    await file.read(last, 0, last.length, size - 512);
    const gpt = (bytes: Buffer): boolean => bytes.toString("latin1", 0, 8) === "EFI PART";
    return first.readUInt16LE(510) === 0xaa55 || gpt(first.subarray(512)) || gpt(last);
  } finally {
    await file.close();
  }
}

/** A disk that looks bootable and is full of something else. */
async function makeBootableDisk(): Promise<string> {
  const path = await room.makeDisk(mebibytes);
  const file = await open(path, "r+");
  try {
    await file.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
    await file.write("EFI PART", 512);
    await file.write("EFI PART", mebibytes * 2 ** 20 - 512);
  } finally {
    await file.close();
  }
  return path;
}

/** Chunks that are no holes and are on the disk already. */
async function chunksKept(path: string): Promise<number> {
  const [disk, source] = [await open(path, "r"), await open(image.path, "r")];
  try {
    const [held, wanted] = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)];
    const zeros = Buffer.alloc(2 ** 20);
    let kept = 0;
    for (let chunk = 0; chunk < mebibytes; chunk += 1) {
      await disk.read(held, 0, held.length, chunk * 2 ** 20);
      await source.read(wanted, 0, wanted.length, chunk * 2 ** 20);
      if (!wanted.equals(zeros) && held.equals(wanted)) kept += 1;
    }
    return kept;
  } finally {
    await disk.close();
    await source.close();
  }
}

for (let cut = 1; cut <= cuts; cut += 1) {
  test(`the power fails in mid-image, ${cut} of ${cuts}`, { timeout: 180_000 }, async () => {
    const next = random(room.seed + cut);
    const backing = await makeBootableDisk();
    assert.ok(await looksBootable(backing));
    const deployment = await site.createDeployment({ imageId: record.id, name: `cut ${cut}`, rateMbps: 16 });
    const mountPoint = join(room.folder, `mount-${cut}`);
    await mkdir(mountPoint);

    const dark = await mountFaultyDisk(backing, { volatile: room.seed + cut }, mountPoint);
    const agent = await room.startAgent(site, { name: `pc${cut}`, disk: dark.path });
    const machine = await site.waitForPart(agent.name, 0.3 + 0.4 * next());
    // A machine without power ends with its disk.
    await Promise.all([dark.cutPower(), agent.kill()]);
    assert.equal(await looksBootable(backing), false, "a disk cut in mid-image looks bootable");
    const kept = await chunksKept(backing);
    console.log(
      `# cut at ${machine.progress?.bytesVerified} bytes verified; ${kept} chunks reached the disk`,
    );

    const light = await mountFaultyDisk(backing, { volatile: room.seed + cut + 1000 }, mountPoint);
    try {
      const again = room.restartAgent(agent);
      await again.exits(0);
      const outcome = (await site.machine(agent.name))?.outcome;
      assert.ok(outcome);
      assert.ok(outcome.foundChunks >= kept, `${outcome.foundChunks} chunks were found, ${kept} were there`);
      // Whatever the agent had not flushed when it said that it was done would be lost now.
      await light.cutPower();
      await diskEquals(backing, image);
      assert.ok(await looksBootable(backing));
    } finally {
      await light.remove();
      await site.client.post(`/deployments/${deployment.id}/close`, {});
    }
  });
}
