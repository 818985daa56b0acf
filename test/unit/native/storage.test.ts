/** Imports, verification, disk hashes and manifests through the addon, against b3sum and real files. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  closeSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  buildManifest,
  hashDisk,
  importContent,
  readManifest,
  verifyContent,
  type ImportOptions,
  type ManifestFacts,
} from "../../../native/index.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { writeStructuredImage } from "../../fixtures/images.ts";
import { waitFor } from "../../fixtures/program.ts";
import { testSeed } from "../../fixtures/random.ts";

const mebibyte = 1 << 20;
const mebibytes = 12;

interface Source {
  options: ImportOptions;
  facts: ManifestFacts;
}

/** A structured image whose last chunk is a short one, in a folder of its own. */
async function source(context: TestContext): Promise<Source> {
  const folder = testFolder(context);
  const path = join(folder, "image.raw");
  await writeStructuredImage(path, mebibytes, testSeed(context.name));
  const imageBytes = mebibytes * mebibyte - 1536;
  truncateSync(path, imageBytes);
  return {
    options: { source: path, imageBytes, contentPath: join(folder, "image.content"), threads: 2, level: 3 },
    facts: { imageBytes, smallestDiskBytes: imageBytes + 512, sectorBytes: 512, firmware: 2 },
  };
}

const b3sum = (path: string): string =>
  execFileSync("b3sum", ["--no-names", path], { encoding: "utf8" }).trim();

/** The addon does not look at the signature. */
const signed = (manifest: Buffer): Buffer => Buffer.concat([manifest, Buffer.alloc(64)]);

function flipByte(path: string, offset: number): void {
  const byte = (readFileSync(path)[offset] ?? 0) ^ 1;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.of(byte), 0, 1, offset);
  closeSync(file);
}

test("an imported image has the hash that b3sum gives, and its content verifies", async (context) => {
  const { options, facts } = await source(context);
  const task = importContent(options);
  const imported = await task.result;
  assert.deepEqual(task.progress(), { bytesDone: options.imageBytes, bytesTotal: options.imageBytes });
  assert.equal(imported.root, b3sum(options.source));
  assert.equal(imported.contentBytes, statSync(options.contentPath).size);
  const image = readFileSync(options.source);
  assert.ok(imported.firstBytes.equals(image.subarray(0, 65_536)));
  assert.ok(imported.lastBytes.equals(image.subarray(-65_536)));

  const manifest = signed(buildManifest(facts, imported.chunkTable));
  const { holes, ...summary } = readManifest(manifest);
  const { root, contentBytes } = imported;
  assert.deepEqual(summary, { ...facts, root, contentBytes, chunks: mebibytes });
  assert.ok(holes < mebibytes);
  const verification = { manifest, contentPath: options.contentPath, threads: 2 };
  assert.deepEqual(await verifyContent(verification).result, { badChunks: [] });

  flipByte(options.contentPath, contentBytes - 1);
  flipByte(options.contentPath, 0);
  assert.deepEqual(await verifyContent(verification).result, { badChunks: [0, mebibytes - 1] });
});

test("an image comes through a FIFO that another program writes", async (context) => {
  const { options } = await source(context);
  const fifo = join(testFolder(context), "fifo");
  execFileSync("mkfifo", [fifo]);
  const writer = spawn("dd", [`if=${options.source}`, `of=${fifo}`, "bs=50000", "status=none"], {
    stdio: "ignore",
  });
  const ended = once(writer, "exit");
  const imported = await importContent({ ...options, source: fifo }).result;
  await ended;
  assert.equal(imported.root, b3sum(options.source));
});

test("an import that waits for a silent FIFO is cancelled at once and leaves no file", async (context) => {
  const { options } = await source(context);
  const fifo = join(testFolder(context), "fifo");
  execFileSync("mkfifo", [fifo]);
  const task = importContent({ ...options, source: fifo });
  const rejected = assert.rejects(task.result, {
    code: "E_CANCELLED",
    systemError: 0,
    offset: -1,
    chunk: -1,
  });
  await waitFor(() => task.progress().bytesTotal > 0, { what: "beginning of the import" });
  assert.ok(existsSync(options.contentPath));
  assert.deepEqual(task.progress(), { bytesDone: 0, bytesTotal: options.imageBytes });
  const start = performance.now();
  task.cancel();
  await rejected;
  assert.ok(performance.now() - start < 20_000);
  assert.ok(!existsSync(options.contentPath));
  task.cancel(); // harmless afterwards
});

test("errors say what happened, where and in which call", async (context) => {
  const { options } = await source(context);
  const missing = join(testFolder(context), "missing");
  await assert.rejects(importContent({ ...options, source: missing }).result, {
    name: "Error",
    message: `the image cannot be opened: open on ${missing}: No such file or directory`,
    code: "E_SOURCE_READ",
    systemError: 2,
    call: "open",
    device: missing,
    offset: -1,
    chunk: -1,
  });
  await assert.rejects(importContent({ ...options, imageBytes: options.imageBytes + 512 }).result, {
    code: "E_IMAGE_TRUNCATED",
    device: options.source,
    offset: options.imageBytes,
  });
  const nowhere = join(missing, "content");
  await assert.rejects(importContent({ ...options, contentPath: nowhere }).result, {
    code: "E_CONTENT_WRITE",
    systemError: 2,
    device: nowhere,
  });
  writeFileSync(missing, "x");
  const tooSmall = hashDisk({ path: missing, bytes: 2, threads: 1 }).result;
  await assert.rejects(tooSmall, { code: "E_DEVICE_TOO_SMALL", device: missing });
  assert.ok(!existsSync(options.contentPath));
});

test("a manifest that does not agree with itself is refused", async (context) => {
  const { options, facts } = await source(context);
  const { chunkTable } = await importContent(options).result;
  const invalid = { code: "E_MANIFEST_INVALID" };
  assert.throws(() => buildManifest(facts, chunkTable.subarray(1)), invalid);
  assert.throws(() => buildManifest(facts, chunkTable.subarray(40)), invalid);
  assert.throws(() => buildManifest({ ...facts, imageBytes: facts.imageBytes - 1 }, chunkTable), invalid);
  const manifest = signed(buildManifest(facts, chunkTable));
  assert.throws(() => readManifest(manifest.subarray(1)), invalid);
  for (const offset of [0, 8, 40, 48, 64, 72, 96, 128]) {
    const changed = Buffer.from(manifest);
    changed.writeUInt8(changed.readUInt8(offset) ^ 1, offset);
    assert.throws(() => readManifest(changed), invalid, `byte ${offset}`);
  }
});

test("a disk is hashed past the cache, a part of it too", async (context) => {
  const { options } = await source(context);
  const task = hashDisk({ path: options.source, bytes: options.imageBytes, threads: 2 });
  assert.equal((await task.result).root, b3sum(options.source));
  assert.equal(task.progress().bytesDone, options.imageBytes);
  truncateSync(options.source, 3_000_000);
  const expected = b3sum(options.source);
  truncateSync(options.source, 5_000_000);
  assert.equal(
    (await hashDisk({ path: options.source, bytes: 3_000_000, threads: 1 }).result).root,
    expected,
  );
});

const loopDevices =
  process.getuid?.() === 0 && existsSync("/dev/loop-control") ? false : "needs root and loop devices";

test("block devices are imported and hashed like files", { skip: loopDevices }, async (context) => {
  const { options } = await source(context);
  const attach = ["--find", "--show", "--read-only", options.source];
  const device = execFileSync("losetup", attach, { encoding: "utf8" }).trim();
  context.after(() => execFileSync("losetup", ["--detach", device]));
  const expected = b3sum(options.source);
  assert.equal((await importContent({ ...options, source: device }).result).root, expected);
  const hash = await hashDisk({ path: device, bytes: options.imageBytes, threads: 2 }).result;
  assert.equal(hash.root, expected);
});

test("arguments are checked before anything begins", async (context) => {
  const { options, facts } = await source(context);
  const refuses = (work: () => unknown, message: RegExp): void => {
    assert.throws(work, { name: "TypeError", message });
  };
  refuses(() => importContent({ ...options, source: "" }), /Expected a path for source/);
  refuses(() => importContent({ ...options, contentPath: "a\0b" }), /Expected a path for contentPath/);
  refuses(() => importContent({ ...options, imageBytes: 0 }), /for imageBytes but received 0/);
  refuses(() => importContent({ ...options, threads: 1.5 }), /for threads but received 1.5/);
  refuses(() => importContent({ ...options, level: 23 }), /an integer from 1 to 19 for level/);
  refuses(
    () => hashDisk({ path: options.source, bytes: Number.NaN, threads: 1 }),
    /for bytes but received NaN/,
  );
  refuses(() => readManifest("text" as unknown as Buffer), /Expected a Buffer for manifest/);
  refuses(
    () => buildManifest({ ...facts, sectorBytes: 100 as 512 }, Buffer.alloc(40)),
    /512 or 4096 for sectorBytes/,
  );
  assert.ok(!existsSync(options.contentPath));
});
