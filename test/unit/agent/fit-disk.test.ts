/** Fitting a disk with real tools, on a loop device. Deployed images that are fitted: test/e2e/wim-fit.test.ts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fitDisk, partitionsOf } from "../../../agent/platform/linux/fit-disk.ts";
import { loopDisk } from "../../fixtures/loop-disk.ts";

function partition(disk: string, ...lines: string[]): void {
  execFileSync("sfdisk", ["--quiet", "--wipe", "always", disk], { input: `${lines.join("\n")}\n` });
}

for (const type of ["5", "f", "85"]) {
  test(`an extended partition of type ${type} keeps the disk as the image has it`, async (t) => {
    const disk = loopDisk(t, { megabytes: 64 }).path;
    partition(disk, "label: dos", "2048,32768,7,*", `34816,32768,${type}`, "36864,8192,83");
    execFileSync("partx", ["--update", disk]);
    execFileSync("mkntfs", ["--fast", "--quiet", `${disk}p1`], { stdio: "ignore" });
    const before = readFileSync(disk);
    const said = await fitDisk(disk, { partitionsBefore: [], keptFrom: null });
    assert.match(said.join(), /extended partition, so it stays as the image has it/);
    assert.ok(readFileSync(disk).equals(before));
  });
}

test("the identifiers of a GPT's partitions are told; of another disk's, none", async (t) => {
  const disk = loopDisk(t, { megabytes: 16 }).path;
  assert.deepEqual(await partitionsOf(disk), []);
  partition(disk, "label: dos", "2048,2048,7");
  assert.deepEqual(await partitionsOf(disk), []);
  const guid = "0B6EF6A1-52CD-4F4C-B6E4-1F6D7A9B0C11";
  partition(disk, "label: gpt", `start=2048, size=2048, uuid=${guid}`);
  assert.deepEqual(await partitionsOf(disk), [guid.toLowerCase()]);
});
