/**
 * Everything a WIM holds is on the volume that a machine gets: the volume is captured again and both are listed, names,
 * times, attributes, security descriptors, streams with their hashes, reparse points and links. With --windows.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { ImportRequest } from "../../contract/administration.ts";
import { writeAwkwardWim } from "../fixtures/awkward-files.ts";
import { emptyDisk, tableOf, takePartition } from "../fixtures/disk-image.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { captureWine } from "../fixtures/wine-wim.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "windows";
const skip = wanted ? false : "minutes: with --windows";
const manyFiles = 10_000;

/** Not in step with this process: a connection to the site that ended meanwhile is to be seen as ended. */
const run = promisify(execFile);

let room: Room;
let site: SiteProcess;
before(async () => {
  if (!wanted) return;
  room = await openRoom("wim windows");
  site = await room.startSite();
});
after(() => room?.close());

/** The image, as a machine that was deployed has it on its disk. */
async function deployed(request: ImportRequest & { name: string }): Promise<string> {
  const { error, image } = await site.importEnds(request, 600_000);
  assert.equal(error, null);
  assert.ok(image);
  const deployment = await site.createDeployment({ name: image.name, imageId: image.id });
  const disk = emptyDisk(join(room.folder, `${image.name}.disk`), image.bytes);
  await (await room.startAgent(site, { name: `pc-${image.name}`, disk })).exits(0, 600_000);
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  return disk;
}

/** Of each file: what the WIM says of it, without where in the WIM its content is. */
async function listing(wim: string): Promise<Map<string, string>> {
  const words = ["dir", wim, "1", "--detailed"];
  const { stdout: text } = await run("wimlib-imagex", words, { encoding: "utf8", maxBuffer: 2 ** 29 });
  const files = new Map<string, string>();
  for (const part of text.split(/^-{20,}$/m)) {
    const path = /^Full Path {11}= "(.*)"$/m.exec(part)?.[1];
    if (path === undefined) continue;
    const inWim = /^(Link Group ID|Compressed size|Offset in WIM|Part Number|Reference Count|Flags) /;
    const lines = part.split("\n").filter((line) => line.trim() !== "" && !inWim.test(line));
    files.set(path, lines.join("\n"));
  }
  return files;
}

/** A file without a descriptor, as one that was captured on Linux, gets NTFS' own. */
function comparable(found: string | undefined, wished: string): string | undefined {
  const descriptor = /^Security Descriptor .*\n/m;
  return descriptor.test(wished) ? found : found?.replace(descriptor, "");
}

/** Compares the volume's files with the WIM's, one by one. Answers how many there are. */
async function assertHolds(volume: string, wim: string): Promise<number> {
  const again = `${volume}.wim`;
  await run("wimlib-imagex", ["capture", volume, again, "Again", "--compress=none", "--check"]);
  const [wished, found] = [await listing(wim), await listing(again)];
  rmSync(again);
  assert.ok(wished.size > 0);
  for (const [path, facts] of wished) assert.equal(comparable(found.get(path), facts), facts, path);
  assert.deepEqual(
    [...found.keys()].filter((path) => !wished.has(path)),
    [],
  );
  return wished.size;
}

test(
  "awkward files: streams, attributes, descriptors, links, names at their limits, ten thousand",
  { skip },
  async () => {
    const wim = join(room.folder, "awkward.wim");
    writeAwkwardWim(wim, room.folder, manyFiles);
    const volume = await deployed({ path: wim, name: "awkward", as: "volume" });
    assert.ok((await assertHolds(volume, wim)) > manyFiles);
    const facts = [...(await listing(wim)).values()].join("\n");
    // What the comparison is about is there.
    for (const what of [
      /^Short Name +=.*ANAMET~1.TEX/m,
      /Named data stream "third"/,
      /FILE_ATTRIBUTE_COMPRESSED/,
      /FILE_ATTRIBUTE_SPARSE_FILE/,
      /FILE_ATTRIBUTE_REPARSE_POINT/,
      /^Reparse Tag +=.*a0000003/im,
      /^Link Count +=.*3$/m,
      /^Security Descriptor +=/m,
    ]) {
      assert.match(facts, what);
    }
    rmSync(volume);
  },
);

test("a whole Windows of Wine's, as a disk that UEFI starts", { skip }, async () => {
  const wim = join(room.folder, "wine.wim");
  await captureWine(wim, { compress: "fast", folder: room.folder });
  const disk = await deployed({ path: wim, name: "wine" });
  assert.equal(tableOf(disk).partitions.length, 4);
  const volume = takePartition(disk, 3, join(room.folder, "wine.ntfs"));
  rmSync(disk);
  assert.ok((await assertHolds(volume, wim)) > 500);
});
