/** How a volume is mounted that is only looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readOnlyMount } from "../../../agent/platform/linux/mount-to-read.ts";

const rows = [
  ["ext2", "ro"],
  ["ext3", "ro,noload"],
  ["ext4", "ro,noload"],
  ["xfs", "ro,norecovery"],
  ["btrfs", "ro,rescue=nologreplay"],
  ["vfat", "ro"],
] as const;
for (const [fileSystem, options] of rows) {
  test(`${fileSystem} is looked at with ${options}`, () => {
    const command = readOnlyMount(fileSystem, "/dev/sda1", "/folder");
    assert.deepEqual(command, ["mount", "-o", options, "/dev/sda1", "/folder"]);
  });
}

test("NTFS is looked at by ntfs-3g, without writing", () => {
  const [program, , options = ""] = readOnlyMount("ntfs", "/dev/sda1", "/folder");
  assert.equal(program, "ntfs-3g");
  assert.ok(options.split(",").includes("ro"));
});
