/** Imports from end to end: every format, what is wrong with files and content, and kills at any moment. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ImageRecord, ImportState, VerificationState } from "../../contract/administration.ts";
import { openStore } from "../../site/store/store.ts";
import { programsWith } from "../fixtures/program.ts";
import { random } from "../fixtures/random.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let raw: string;
let root: string;
before(async () => {
  room = await openRoom("site import");
  site = await room.startSite();
  raw = (await room.makeImage(48)).path;
  root = execFileSync("b3sum", ["--no-names", raw], { encoding: "utf8" }).trim();
});
after(() => room.close());

const list = () => site.client.get<ImageRecord[]>("/images");
const library = () => readdirSync(join(site.folder, "library"));

async function verify(image: Pick<ImageRecord, "id">): Promise<VerificationState> {
  const { id } = await site.client.post<VerificationState>(`/images/${image.id}/verify`, {});
  return await waitFor(
    async () => {
      const state = await site.client.get<VerificationState>(`/verifications/${id}`);
      return state.state === "running" ? null : state;
    },
    { what: "verification" },
  );
}

function flipByte(path: string, offset: number): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 1;
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}

test("every format gives the raw image's root, and none leaves a raw copy", async () => {
  const files = [["raw", raw]];
  for (const [driver, extension, ...options] of [
    ["qcow2", "qcow2", "-c"],
    ["vhdx", "vhdx"],
    ["vmdk", "vmdk"],
    ["vpc", "vhd", "-o", "force_size=on"],
  ]) {
    const path = join(room.folder, `lab.${extension}`);
    execFileSync("qemu-img", ["convert", "-O", driver ?? "", ...options, raw, path]);
    files.push([extension ?? "", path]);
  }
  for (const [format = "", path = ""] of files) {
    const image = await site.importImage(path, `lab ${format}`);
    assert.equal(image.root, root, format);
    assert.equal(image.bytes, 48 * 2 ** 20);
    assert.deepEqual(readdirSync(site.imageFolder(image)).toSorted(), [
      "content",
      "facts.json",
      "manifest",
      "verified",
    ]);
    assert.equal(statSync(join(site.imageFolder(image), "content")).size, image.contentBytes);
    const state = await verify(image);
    assert.deepEqual([state.state, state.signed, state.badChunks], ["done", true, []]);
  }
  assert.deepEqual((await list()).map(({ id }) => id).toSorted(), library().toSorted());
});

test("what is wrong with a file is said before anything is in the library", async () => {
  const earlier = library();
  const file = (name: string): string => join(room.folder, name);
  writeFileSync(file("letter.qcow2"), "Dear grandmother,\n".repeat(5000));
  await assert.rejects(site.importImage(file("letter.qcow2")), { code: "E_IMAGE_FORMAT" });
  copyFileSync(join(room.folder, "lab.qcow2"), file("short.qcow2"));
  truncateSync(file("short.qcow2"), 2_000_000);
  await assert.rejects(site.importImage(file("short.qcow2")), { code: "E_IMAGE_TRUNCATED" });
  execFileSync("truncate", ["-s", "10M", file("cut.raw")]);
  const gpt = Buffer.alloc(2048);
  gpt.write("EFI PART", 512, "latin1");
  gpt.writeBigUInt64LE(40_000n, 512 + 32);
  const disk = openSync(file("cut.raw"), "r+");
  writeSync(disk, gpt, 0, gpt.length, 0);
  closeSync(disk);
  await assert.rejects(site.importImage(file("cut.raw")), { code: "E_IMAGE_TRUNCATED" });
  await assert.rejects(site.importImage(file("missing.raw")), { code: "E_SOURCE_READ" });
  await assert.rejects(site.importImage(raw, "lab raw"), { code: "E_CONFLICT" });
  assert.deepEqual(library(), earlier);
});

test("a changed byte in content or manifest is found and named, and machines are not given it", async () => {
  const image = await site.importImage(raw, "changed");
  const content = join(site.imageFolder(image), "content");
  flipByte(content, image.contentBytes - 1);
  const bad = await verify(image);
  assert.equal(bad.error?.code, "E_CONTENT_CORRUPT");
  assert.equal(bad.badChunks.length, 1);
  assert.match(bad.error.detail, new RegExp(`chunk ${bad.badChunks[0]} `));
  flipByte(content, image.contentBytes - 1);
  assert.equal((await verify(image)).state, "done");

  const manifest = join(site.imageFolder(image), "manifest");
  for (const offset of [50, statSync(manifest).size - 1]) {
    flipByte(manifest, offset);
    const state = await verify(image);
    assert.deepEqual([state.error?.code, state.signed], ["E_MANIFEST_SIGNATURE", false]);
    await assert.rejects(site.client.get(`/images/${image.id}/manifest`), { code: "E_MANIFEST_SIGNATURE" });
    flipByte(manifest, offset);
  }
  truncateSync(content, image.contentBytes - 100);
  assert.equal((await verify(image)).state, "failed");
});

test("an image is removed, but not while a deployment uses it", async () => {
  const image = await site.importImage(raw, "to remove");
  const deployment = await site.createDeployment({ name: "holds it", imageId: image.id });
  await assert.rejects(site.client.remove(`/images/${image.id}`), { code: "E_IMAGE_IN_USE" });
  assert.ok(existsSync(join(site.imageFolder(image), "content")));
  await site.client.remove(`/deployments/${deployment.id}`);
  await site.client.remove(`/images/${image.id}`);
  assert.ok(!library().includes(image.id));
  assert.ok(!(await list()).some(({ id }) => id === image.id));
});

test("a site killed at any moment of an import has the image wholly or not at all", async () => {
  const next = random(room.seed);
  const qcow2 = join(room.folder, "lab.qcow2");
  for (let round = 0; round < 4; round += 1) {
    const path = round % 2 === 0 ? raw : qcow2;
    const name = `round ${round}`;
    const began = Date.now();
    await site.client.post<ImportState>("/images", { path, name });
    await delay(next() * 700);
    await site.kill();
    console.log(`# killed after ${Date.now() - began} ms`);
    await waitFor(() => programsWith(qcow2).length === 0, { what: "end of the import's programs" });
    await site.start();
    assert.deepEqual((await list()).map(({ id }) => id).toSorted(), library().toSorted());
    const image = (await list()).find((one) => one.name === name);
    if (image) assert.equal((await verify(image)).state, "done");
    else await site.importImage(path, name);
  }
});

test("a complete image whose row was lost is taken up again, a row whose image was lost is forgotten", async () => {
  const kept = await site.importImage(raw, "kept");
  const lost = await site.importImage(raw, "lost");
  await site.stop();
  execFileSync("rm", ["-r", site.imageFolder(lost)]);
  execFileSync("mkdir", [join(site.folder, "library", ".importing-00000000-0000-4000-8000-000000000000")]);
  const store = await openStore(site.database);
  await store.images.remove(kept.id);
  await store.close();
  await site.start();
  const images = await list();
  assert.deepEqual(
    images.find(({ id }) => id === kept.id),
    kept,
  );
  assert.ok(!images.some(({ id }) => id === lost.id));
  assert.ok(!library().some((name) => name.startsWith(".")));
  await site.stop();
  execFileSync("rm", ["-r", site.imageFolder(kept)]);
  await site.start();
  assert.ok(!(await list()).some(({ id }) => id === kept.id));
});
