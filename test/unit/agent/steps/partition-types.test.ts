/** Every type of partition that the console has, in the tables of real disks. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { formatAndPartitionDisk } from "../../../../agent/steps/format-and-partition-disk.ts";
import { partitionDevice } from "../../../../agent/steps/volumes.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext } from "../../../fixtures/step-context.ts";

interface Wanted {
  type: string;
  fileSystem: string;
  size: [amount: string, unit: string];
  /** As sfdisk writes it: of a GPT the beginning of the GUID. */
  code: string;
  /** Bits of the attribute field of a GPT. */
  bits?: number[];
  /** What blkid finds; empty for no file system. */
  found: string;
}

const rows: Record<"GPT" | "MBR", Wanted[]> = {
  GPT: [
    { type: "EFI", fileSystem: "FAT32", size: ["100", "MB"], code: "C12A7328", found: "vfat" },
    { type: "MSR", fileSystem: "", size: ["16", "MB"], code: "E3C9E316", found: "" },
    {
      type: "HIDDEN",
      fileSystem: "NTFS",
      size: ["50", "MB"],
      code: "EBD0A0A2",
      bits: [62, 63],
      found: "ntfs",
    },
    { type: "PRIMARY", fileSystem: "NTFS", size: ["50", "PERCENT"], code: "EBD0A0A2", found: "ntfs" },
    {
      type: "RECOVERY",
      fileSystem: "NTFS",
      size: ["100", "PERCENT"],
      code: "DE94BBA4",
      bits: [0, 63],
      found: "ntfs",
    },
  ],
  MBR: [
    { type: "PRIMARY", fileSystem: "NTFS", size: ["100", "MB"], code: "7", found: "ntfs" },
    { type: "RECOVERY", fileSystem: "NTFS", size: ["50", "MB"], code: "27", found: "ntfs" },
    { type: "HIDDEN", fileSystem: "FAT32", size: ["100", "MB"], code: "1c", found: "vfat" },
    { type: "EXTENDED", fileSystem: "", size: ["100", "PERCENT"], code: "f", found: "" },
    { type: "LOGICAL", fileSystem: "NTFS", size: ["100", "PERCENT"], code: "7", found: "ntfs" },
  ],
};

for (const [style, wanted] of Object.entries(rows)) {
  test(`every type of an ${style} disk`, async (t) => {
    const disk = loopDisk(t, { megabytes: 600 });
    const properties: Record<string, string> = {
      DiskIndex: "0",
      PartitionStyle: style,
      Partitions: String(wanted.length),
    };
    for (const [index, { fileSystem, size, type }] of wanted.entries()) {
      Object.assign(properties, {
        [`Partitions${index}Type`]: type,
        [`Partitions${index}FileSystem`]: fileSystem,
        [`Partitions${index}Size`]: size[0],
        [`Partitions${index}SizeUnits`]: size[1],
      });
    }
    const services = { disks: disksOf(disk), folders: { work: testFolder(t) } };
    const outcome = await formatAndPartitionDisk.perform(testContext({ properties, services }));
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    const json = execFileSync("sfdisk", ["--json", disk.path], { encoding: "utf8" });
    const { partitions } = (
      JSON.parse(json) as { partitiontable: { partitions: { type: string; attrs?: string }[] } }
    ).partitiontable;
    assert.equal(partitions.length, wanted.length);
    for (const [index, { bits = [], code, found, type }] of wanted.entries()) {
      const { attrs = "", type: written = "" } = partitions[index] ?? {};
      assert.equal(written.slice(0, 8), code, type);
      // sfdisk calls bit 0 RequiredPartition and lists the others by number.
      const set = (attrs.includes("RequiredPartition") ? [0] : []).concat(
        /GUID:([\d,]+)/.exec(attrs)?.[1]?.split(",").map(Number) ?? [],
      );
      assert.deepEqual(set, bits, `${type}: ${attrs}`);
      const number = type === "LOGICAL" ? 5 : index + 1;
      const words = ["-p", "-o", "value", "-s", "TYPE", partitionDevice(disk.path, number)];
      if (found === "") continue;
      assert.equal(execFileSync("blkid", words, { encoding: "utf8" }).trim(), found, type);
    }
  });
}
