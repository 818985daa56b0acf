/** Users' state in room of a disk that no image reaches, on a loop device; and at the site where there is none. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { keptState, type KeptStateOptions } from "../../../../agent/deploying/kept-state.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { openStateFolder } from "../../../../agent/state-folder.ts";
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
  const asked: string[] = [];
  let upload = Buffer.alloc(0);
  const site = {
    packageFacts: () => Promise.resolve({ kind: "image" }),
    packageImage: () => Promise.resolve({ bytes: imageMebibytes * mebibyte }),
    requestState(purpose: string) {
      const [bytes] = stored;
      asked.push(purpose);
      if (purpose === "capture") return Promise.resolve({ key: "fresh", stored: null });
      if (bytes === undefined) return Promise.reject(new VolleyError("E_NOT_FOUND", "Nothing is kept."));
      const restored = asked.includes("restored");
      return Promise.resolve({ key: "kept", stored: { bytes: bytes.length, hash: hashOf(bytes), restored } });
    },
    stateRestored: () => Promise.resolve(void asked.push("restored")),
    beginUpload() {
      upload = Buffer.alloc(0);
      return Promise.resolve({ id: "1", received: 0 });
    },
    sendPiece(_id: string, _offset: number, bytes: Buffer) {
      upload = Buffer.concat([upload, bytes]);
      return Promise.resolve({ id: "1", received: upload.length });
    },
    storeState: () => Promise.resolve(void stored.unshift(upload)),
    statePiece: (offset: number) => Promise.resolve(stored[0]?.subarray(offset, offset + mebibyte)),
  } as unknown as DeploymentSite;
  const facts = { ...disk.facts, kind: "disk" as const, systemUses: ["holds the root file system"] };
  const log = { info() {}, warning() {}, error() {}, detail() {} };
  const stateOf = (name: string) => openStateFolder(join(folder, name), () => {});
  const keptIn = (name: string) =>
    keptState({
      site,
      folder,
      state: stateOf(name),
      packages,
      disks: () => Promise.resolve([facts]),
      log,
    });
  const kept = keptIn("agent");
  const file = join(folder, "state");
  writeFileSync(file, randomBytes(3 * mebibyte + 17));
  return { kept, keptIn, file, folder, disk, stored };
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
    assert.equal(stored.length, 1, "where it is, and nothing else");
    assert.ok((stored[0]?.length ?? 0) < 1000);
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
    assert.equal(await kept.fetch(place, back, signal), "kept");
    assert.ok(readFileSync(back).equals(readFileSync(file)));
    await kept.forget(place, signal);
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
    const before = readFileSync(file);
    const { place, text } = await kept.keep(file, signal);
    assert.match(text, /^at the site/);
    assert.equal(stored.length, 1);
    const back = join(folder, "back");
    assert.equal(await kept.fetch(place, back, signal), "kept");
    assert.ok(readFileSync(back).equals(before));
    await kept.forget(place, signal);
  });
}

for (const imageMebibytes of [48, 64]) {
  test(`a later run finds what was kept, with an image of ${imageMebibytes} MiB`, { skip }, async (t) => {
    const { file, folder, kept, keptIn } = deskOf(t, imageMebibytes);
    const before = readFileSync(file);
    assert.equal(await kept.find(signal), null);
    const { place } = await kept.keep(file, signal);
    assert.deepEqual(await kept.find(signal), { place, restored: false, ownSystem: true });
    const later = keptIn("new system");
    assert.deepEqual(await later.find(signal), { place, restored: false, ownSystem: false });
    const back = join(folder, "back");
    assert.equal(await later.fetch(place, back, signal), "kept");
    assert.ok(readFileSync(back).equals(before));
    await later.forget(place, signal);
    assert.equal((await kept.find(signal))?.restored, true);
  });
}

test("what Release State Store has put at the site is not taken for it", { skip }, async (t) => {
  const { kept, stored } = deskOf(t, 48);
  for (const other of [randomBytes(100), randomBytes(20_000), Buffer.from('{"kind":"disk"}')]) {
    stored.unshift(other);
    assert.equal(await kept.find(signal), null);
  }
});

test(
  "its room is marked in the table, and nothing is wiped where a partition has come",
  { skip },
  async (t) => {
    const { disk, file, folder, kept } = deskOf(t, 48);
    const { place } = await kept.keep(file, signal);
    const before = readFileSync(file);
    const table = (): string => execFileSync("sfdisk", ["--dump", disk.path], { encoding: "utf8" });
    const plain = table();
    const edit = (words: string[], input: string): void =>
      void execFileSync("sfdisk", ["--quiet", "--force", "--wipe", "never", ...words, disk.path], { input });
    // As an image brings one.
    edit(["-N", "1"], ", +\n");
    await assert.rejects(kept.hold(place), { code: "E_CONFLICT", message: /partition of .* reaches/ });
    await assert.rejects(kept.forget(place, signal), { code: "E_CONFLICT" });
    const back = join(folder, "back");
    await kept.fetch(place, back, signal);
    assert.ok(readFileSync(back).equals(before), "it is not wiped");
    edit(["-N", "1"], "2048, 65536\n");
    await kept.hold(place);
    await kept.hold(place);
    assert.equal(table().match(/name="Volley user state"/g)?.length, 1);
    edit(["-N", "1"], ", +\n");
    await kept.fetch(place, back, signal);
    edit(["-N", "1"], "2048, 65536\n");
    await kept.forget(place, signal);
    assert.equal(table(), plain);
    await assert.rejects(kept.fetch(place, back, signal), { code: "E_CONTENT_CORRUPT" });
  },
);

test("a partition that reaches to the end leaves no room, whatever the image's size", { skip }, async (t) => {
  const { disk, file, kept } = deskOf(t, 8);
  execFileSync("sfdisk", ["--quiet", "--wipe", "never", disk.path], { input: "label: gpt\nstart=2048\n" });
  assert.match((await kept.keep(file, signal)).text, /^at the site/);
  await assert.rejects(kept.fetch("nonsense", file, signal), { code: "E_CHECKPOINT" });
});
