/** Image files as they come: their formats, and what is wrong with them, by the programs that know. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspectSource } from "../../../../site/content/source.ts";
import { writeStructuredImage } from "../../../fixtures/images.ts";
import { testSeed } from "../../../fixtures/random.ts";

const mebibytes = 8;
let folder: string;
let raw: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "volley-source-"));
  raw = join(folder, "disk.raw");
  await writeStructuredImage(raw, mebibytes, testSeed("sources"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);
const inspect = (name: string, format?: Parameters<typeof inspectSource>[1]) =>
  inspectSource(path(name), format, new AbortController().signal);
const convert = (driver: string, name: string, ...options: string[]): void => {
  execFileSync("qemu-img", ["convert", "-O", driver, ...options, raw, path(name)]);
};

test("each format is recognised, and its bytes are the disk's at any place", async () => {
  const expected = readFileSync(raw);
  convert("qcow2", "disk.qcow2", "-c");
  convert("vhdx", "disk.vhdx");
  convert("vmdk", "disk.vmdk", "-o", "subformat=streamOptimized");
  convert("vpc", "disk.vhd", "-o", "force_size=on");
  for (const format of ["raw", "qcow2", "vhdx", "vmdk", "vhd"]) {
    const source = await inspect(`disk.${format}`);
    assert.equal(source.format, format);
    assert.equal(source.imageBytes, expected.length, format);
    for (const [offset, length] of [
      [0, 65_536],
      [expected.length - 512, 512],
      [1_000_000, 3000],
    ] as const) {
      const bytes = await source.read(offset, length);
      assert.equal(
        Buffer.compare(bytes, expected.subarray(offset, offset + length)),
        0,
        `${format} at ${offset}`,
      );
    }
  }
});

test("a file that is not what its name says is refused", async () => {
  for (const name of ["text.qcow2", "text.vhdx", "text.vmdk", "text.vhd"]) {
    writeFileSync(path(name), "This is a letter to my grandmother.\n".repeat(1000));
    await assert.rejects(inspect(name), { code: "E_IMAGE_FORMAT" }, name);
  }
  convert("qcow2", "really-qcow2.img");
  await assert.rejects(inspect("really-qcow2.img"), { code: "E_IMAGE_FORMAT" });
  assert.equal((await inspect("really-qcow2.img", "qcow2")).format, "qcow2");
  writeFileSync(path("unnamed"), "x".repeat(512));
  await assert.rejects(inspect("unnamed"), { code: "E_IMAGE_FORMAT" });
  assert.equal((await inspect("unnamed", "raw")).imageBytes, 512);
});

test("a file that cannot be read, or is no whole disk, is refused", async () => {
  await assert.rejects(inspect("missing.raw"), { code: "E_SOURCE_READ" });
  await assert.rejects(inspectSource(folder, "raw", new AbortController().signal), { code: "E_SOURCE_READ" });
  execFileSync("mkfifo", [path("pipe.raw")]);
  await assert.rejects(inspect("pipe.raw"), { code: "E_SOURCE_READ" });
  writeFileSync(path("odd.raw"), "x".repeat(1000));
  await assert.rejects(inspect("odd.raw"), { code: "E_IMAGE_TRUNCATED" });
  writeFileSync(path("empty.raw"), "");
  await assert.rejects(inspect("empty.raw"), { code: "E_IMAGE_TRUNCATED" });
});

test("an image that was cut short is refused, though the programs would read zeros", async () => {
  for (const [driver, extension] of [
    ["qcow2", "qcow2"],
    ["vhdx", "vhdx"],
    ["vmdk", "vmdk"],
    ["vpc", "vhd"],
  ] as const) {
    const name = `cut.${extension}`;
    convert(driver, name);
    truncateSync(path(name), 3_000_000);
    await assert.rejects(inspect(name), { code: "E_IMAGE_TRUNCATED" }, name);
  }
});

test("an image that refers to other files is refused", async () => {
  convert("qcow2", "base.qcow2");
  execFileSync("qemu-img", [
    "create",
    "-q",
    "-f",
    "qcow2",
    "-b",
    "base.qcow2",
    "-F",
    "qcow2",
    path("overlay.qcow2"),
  ]);
  await assert.rejects(inspect("overlay.qcow2"), { code: "E_IMAGE_UNSAFE" });
  // A backing file that names itself a protocol is not opened to find out.
  execFileSync("qemu-img", [
    "rebase",
    "-u",
    "-f",
    "qcow2",
    "-b",
    "nbd://127.0.0.1:1/x",
    "-F",
    "raw",
    path("overlay.qcow2"),
  ]);
  await assert.rejects(inspect("overlay.qcow2"), { code: "E_IMAGE_UNSAFE" });
  const external = ["-o", `data_file=${path("data.raw")}`];
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", ...external, path("external.qcow2"), "1M"]);
  await assert.rejects(inspect("external.qcow2"), { code: "E_IMAGE_UNSAFE" });
  convert("vmdk", "flat.vmdk", "-o", "subformat=monolithicFlat");
  await assert.rejects(inspect("flat.vmdk"), { code: "E_IMAGE_UNSAFE" });
});
