/** Users' state in room of a disk that no image reaches, on a loop device; and at the site where there is none. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { keptState, type KeptStateOptions } from "../../../../agent/deploying/kept-state.ts";
import type { DeploymentSite } from "../../../../agent/site/deployment-site.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { loopDisk } from "../../../fixtures/loop-disk.ts";

const skip = process.getuid?.() === 0 ? false : "loop devices are root's to make";
const mebibyte = 2 ** 20;
const signal = new AbortController().signal;

/** A disk of 64 MiB with one partition of 32, and a site that casts an image of `imageMebibytes`. */
function deskOf(
  t: TestContext,
  imageMebibytes: number,
  packages: KeptStateOptions["packages"] = ["VOL00001"],
) {
  const disk = loopDisk(t, { megabytes: 64 });
  execFileSync("sfdisk", ["--quiet", disk.path], { input: "label: gpt\nstart=2048, size=65536\n" });
  const folder = testFolder(t);
  const stored: Buffer[] = [];
  let upload = Buffer.alloc(0);
  const site = {
    packageFacts: () => Promise.resolve({ kind: "image" }),
    packageImage: () => Promise.resolve({ bytes: imageMebibytes * mebibyte }),
    requestState: () =>
      Promise.resolve({
        key: "",
        stored: stored[0] === undefined ? null : { bytes: stored[0].length, hash: hashOf(stored[0]) },
      }),
    beginUpload: () => Promise.resolve({ id: "1", received: 0 }),
    sendPiece(_id: string, _offset: number, bytes: Buffer) {
      upload = Buffer.concat([upload, bytes]);
      return Promise.resolve({ id: "1", received: upload.length });
    },
    storeState: () => Promise.resolve(void stored.push(upload)),
    statePiece: (offset: number) => Promise.resolve(stored[0]?.subarray(offset, offset + mebibyte)),
  } as unknown as DeploymentSite;
  const facts = { ...disk.facts, kind: "disk" as const, systemUses: ["holds the root file system"] };
  const log = { info() {}, warning() {}, error() {}, detail() {} };
  const kept = keptState({ site, folder, packages, disks: () => Promise.resolve([facts]), log });
  const file = join(folder, "state");
  writeFileSync(file, randomBytes(3 * mebibyte + 17));
  return { kept, file, folder, disk, stored };
}

function hashOf(bytes: Buffer): string {
  return execFileSync("sha256sum", { input: bytes, encoding: "utf8" }).slice(0, 64);
}

test(
  "what is kept behind partitions and images survives that the disk is written, and is wiped when it is back",
  { skip },
  async (t) => {
    const { disk, file, folder, kept, stored } = deskOf(t, 48);
    const { place, text } = await kept.keep(file, signal);
    assert.match(text, /behind the last partition of \/dev\/loop/);
    assert.deepEqual(stored, []);
    const { offset } = JSON.parse(place) as { offset: number };
    assert.ok(offset >= 48 * mebibyte && offset + 3 * mebibyte + 17 <= 63 * mebibyte, String(offset));
    execFileSync("dd", [
      "if=/dev/urandom",
      `of=${disk.path}`,
      "bs=1M",
      "count=48",
      "conv=fsync",
      "status=none",
    ]);
    // The copy that a GPT keeps of itself at the end.
    execFileSync("dd", ["if=/dev/urandom", `of=${disk.path}`, "bs=1M", "seek=63", "count=1", "status=none"]);
    const back = join(folder, "back");
    await kept.fetch(place, back, signal);
    assert.ok(readFileSync(back).equals(readFileSync(file)));
    await kept.forget(place);
    await assert.rejects(kept.fetch(place, back, signal), { code: "E_CONTENT_CORRUPT" });
    assert.equal(kept.folder, join(folder, "UserState"));
  },
);

const noRoom: [what: string, imageMebibytes: number, packages?: KeptStateOptions["packages"]][] = [
  ["the image is as large as the disk", 64],
  ["the image leaves less than the state wants", 60],
  ["nobody says which images there are", 8, "all"],
];
for (const [what, imageMebibytes, packages] of noRoom) {
  test(`the site keeps it when ${what}`, { skip }, async (t) => {
    const { file, folder, kept, stored } = deskOf(t, imageMebibytes, packages);
    const { place, text } = await kept.keep(file, signal);
    assert.match(text, /^at the site/);
    assert.equal(stored.length, 1);
    const back = join(folder, "back");
    await kept.fetch(place, back, signal);
    assert.ok(readFileSync(back).equals(readFileSync(file)));
    await kept.forget(place);
  });
}

test("a partition that reaches to the end leaves no room, whatever the image's size", { skip }, async (t) => {
  const { disk, file, kept } = deskOf(t, 8);
  execFileSync("sfdisk", ["--quiet", "--wipe", "never", disk.path], { input: "label: gpt\nstart=2048\n" });
  assert.match((await kept.keep(file, signal)).text, /^at the site/);
  await assert.rejects(kept.fetch("nonsense", file, signal), { code: "E_CHECKPOINT" });
});
