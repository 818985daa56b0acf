/** Folders of Clonezilla and FOG, made by the real partclone, as the raw disk that they were saved from. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { VolleyError, type ErrorCode } from "../../../../contract/errors.ts";
import { inspectPartitions } from "../../../../site/content/partition-table.ts";
import { readFolder } from "../../../../site/content/saved/folder.ts";
import { restoreDisk } from "../../../../site/content/saved/restore.ts";
import { readTableDump } from "../../../../site/content/saved/table-dump.ts";
import { inspectSource } from "../../../../site/content/source.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import {
  copyFolder,
  makeTestDisk,
  saveAsClonezilla,
  saveAsFog,
  type TestDisk,
} from "../../../fixtures/saved-folder.ts";

const mebibyte = 1_048_576;
const { signal } = new AbortController();

let folder: string;
let gpt: TestDisk;
let dos: TestDisk;
const endings: (() => void)[] = [];
let count = 0;

before(() => {
  folder = testFolder({ after: (end) => void endings.push(end as () => void) });
  const own = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  gpt = makeTestDisk(own("gpt"), "gpt", [
    { fileSystem: "vfat", start: 1, size: 40 },
    { fileSystem: "ext4", start: 41, size: 32 },
    { fileSystem: "ntfs", start: 73, size: 32 },
    { fileSystem: "swap", start: 105, size: 4 },
    { fileSystem: "raw", start: 109, size: 3 },
  ]);
  dos = makeTestDisk(own("dos"), "dos", [
    { fileSystem: "ext4", start: 1, size: 24 },
    { fileSystem: "ntfs", start: 25, size: 24 },
    { fileSystem: "swap", start: 49, size: 4 },
  ]);
  saveAsClonezilla(gpt, join(folder, "cz-gpt"), { compress: "zstd", splitBytes: 100_000_000 });
  saveAsClonezilla(dos, join(folder, "cz-dos"), { compress: "gzip", splitBytes: 1500 });
  saveAsFog(gpt, join(folder, "fog-gpt"));
  saveAsFog(dos, join(folder, "fog-dos"));
});
after(() => {
  for (const end of endings) end();
});

async function restored(name: string): Promise<string> {
  const disk = await readFolder(join(folder, name), signal);
  const work = join(folder, `work-${(count += 1)}`);
  mkdirSync(work);
  const told: number[] = [];
  const raw = await restoreDisk(disk, { folder: work, signal, done: (part) => told.push(part) });
  assert.equal(told.at(-1), 1);
  assert.deepEqual(
    told.toSorted((a, b) => a - b),
    told,
  );
  return raw;
}

function bytesAt(path: string, offset: number, length: number): Buffer {
  const range = ["iflag=skip_bytes,count_bytes", `skip=${offset}`, `count=${length}`, "bs=1M", "status=none"];
  return execFileSync("dd", [`if=${path}`, ...range], { maxBuffer: 256 * mebibyte });
}

function tableOf(path: string): string[] {
  const dump = execFileSync("sfdisk", ["--dump", path], { encoding: "utf8" }).replaceAll(path, "/dev/sda");
  return dump.split("\n").filter((line) => !line.startsWith("last-lba") && !line.startsWith("device"));
}

async function sameDisk(name: string, original: TestDisk): Promise<string> {
  const raw = await restored(name);
  assert.deepEqual(tableOf(raw), tableOf(original.path), "the partition table, with its identifiers");
  assert.ok(bytesAt(raw, 0, 440).equals(bytesAt(original.path, 0, 440)), "the boot code");
  for (const { fileSystem, size, start } of original.partitions) {
    const [found, wanted] = [raw, original.path].map((path) =>
      bytesAt(path, start * mebibyte, size * mebibyte),
    );
    assert.ok(
      found !== undefined && wanted !== undefined && found.equals(wanted),
      `${fileSystem} of ${name}`,
    );
  }
  return raw;
}

describe("whole folders", () => {
  test("Clonezilla, GPT, zstd", async () => {
    const raw = await sameDisk("cz-gpt", gpt);
    const last = gpt.partitions.at(-1) ?? assert.fail();
    assert.equal(
      statSync(raw).size,
      (last.start + last.size + 1) * mebibyte,
      "no larger than it needs to be",
    );
    const source = await inspectSource(raw, "raw", signal);
    assert.ok((await inspectPartitions(source)).firmware.includes("uefi"));
  });

  test("Clonezilla, MBR, gzip, in many pieces", async () => {
    const pieces = readdirSync(join(folder, "cz-dos")).filter((name) => name.startsWith("sda1."));
    assert.ok(pieces.length > 2, "it was not split");
    const raw = await sameDisk("cz-dos", dos);
    assert.ok(bytesAt(raw, 512, mebibyte - 512).equals(bytesAt(dos.path, 512, mebibyte - 512)), "the gap");
  });

  test("FOG, GPT and MBR", async () => {
    await sameDisk("fog-gpt", gpt);
    const raw = await sameDisk("fog-dos", dos);
    assert.ok(bytesAt(raw, 512, mebibyte - 512).equals(bytesAt(dos.path, 512, mebibyte - 512)), "the gap");
  });

  test("an old Clonezilla's copy of a GPT", async () => {
    const names = readdirSync(join(folder, "cz-gpt"));
    copyFolder(join(folder, "cz-gpt"), join(folder, "cz-old"), names);
    const protective = "unit: sectors\n\n/dev/sda1 : start=        1, size=1048575, Id=ee\n";
    writeFileSync(join(folder, "cz-old", "sda-pt.sf"), protective);
    const [old, today] = [
      await readFolder(join(folder, "cz-old"), signal),
      await readFolder(join(folder, "cz-gpt"), signal),
    ];
    const places = ({ partitions }: typeof old) => partitions.map(({ bytes, start }) => ({ bytes, start }));
    assert.deepEqual(places(old), places(today));
    assert.equal(old.label, "gpt");
  });

  test("what stops in between leaves no program behind", async () => {
    const disk = await readFolder(join(folder, "cz-gpt"), signal);
    const work = join(folder, "stopped");
    mkdirSync(work);
    const stop = new AbortController();
    const done = (part: number): void => (part > 0 ? stop.abort() : undefined);
    await assert.rejects(restoreDisk(disk, { folder: work, signal: stop.signal, done }));
    const left = execFileSync("ps", ["-e", "-o", "args="], { encoding: "utf8" });
    assert.ok(!left.includes(work), left);
  });
});

/** A copy of a folder, damaged. */
function damaged(of: string, damage: (path: string) => void): string {
  const name = `damaged-${(count += 1)}`;
  copyFolder(join(folder, of), join(folder, name), readdirSync(join(folder, of)));
  damage(join(folder, name));
  return name;
}

function fails(name: string, code: ErrorCode, words: RegExp): Promise<void> {
  return assert.rejects(restored(name), (error) => {
    assert.ok(error instanceof VolleyError, String(error));
    assert.equal(error.code, code, error.detail);
    assert.match(error.detail, words);
    return true;
  });
}

describe("damaged or incomplete folders say what is wrong", () => {
  test("a piece is missing", () =>
    fails(
      damaged("cz-dos", (path) => rmSync(join(path, "sda1.ext4-ptcl-img.gz.ab"))),
      "E_IMAGE_TRUNCATED",
      /sda1\.ext4-ptcl-img\.gz\.ab is missing/,
    ));
  test("the last piece is missing", () =>
    fails(
      damaged("cz-dos", (path) => {
        const last =
          readdirSync(path)
            .filter((name) => name.startsWith("sda1."))
            .toSorted()
            .at(-1) ?? "";
        rmSync(join(path, last));
      }),
      "E_IMAGE_TRUNCATED",
      /Partition \/dev\/sda1: /,
    ));
  test("a partition has no file", () =>
    fails(
      damaged("fog-gpt", (path) => rmSync(join(path, "d1p2.img"))),
      "E_IMAGE_TRUNCATED",
      /partition \/dev\/sda2, and no file of it/,
    ));
  test("the table is missing", async () => {
    const fog = damaged("fog-gpt", (path) => rmSync(join(path, "d1.partitions")));
    await fails(fog, "E_IMAGE_TRUNCATED", /d1\.partitions/);
    const clonezilla = damaged("cz-dos", (path) => rmSync(join(path, "sda-pt.sf")));
    await fails(clonezilla, "E_IMAGE_TRUNCATED", /sda-pt\.sf/);
  });
  test("a file is cut", () =>
    fails(
      damaged("fog-gpt", (path) => truncateSync(join(path, "d1p2.img"), 3000)),
      "E_IMAGE_TRUNCATED",
      /Partition \/dev\/sda2: /,
    ));
  test("a byte is another", () =>
    fails(
      damaged("fog-gpt", (path) => {
        const file = join(path, "d1p3.img");
        const plain = execFileSync("zstd", ["-dc", file], { maxBuffer: 256 * mebibyte });
        const at = plain.length - 300_000;
        plain[at] = (plain[at] ?? 0) ^ 1;
        writeFileSync(file, execFileSync("zstd", ["-c", "-q"], { input: plain, maxBuffer: 256 * mebibyte }));
      }),
      "E_IMAGE_TRUNCATED",
      /Partition \/dev\/sda3: .*(CRC|checksum)/i,
    ));
  test("a partition is another's", () =>
    fails(
      damaged("fog-gpt", (path) =>
        writeFileSync(join(path, "d1p2.img"), readFileSync(join(path, "d1p1.img"))),
      ),
      "E_IMAGE_FORMAT",
      /d1p1?2\.img is of another partition/,
    ));
  test("it was saved by another program", () =>
    fails(
      damaged("fog-gpt", (path) => writeFileSync(join(path, "d1p2.img"), "PaRtImAgE-VoLuMe 1")),
      "E_IMAGE_FORMAT",
      /partimage/,
    ));
  test("several disks, single partitions, logical volumes, no image at all", async () => {
    const write = (name: string, text: string) => (path: string) => writeFileSync(join(path, name), text);
    await fails(damaged("cz-dos", write("disk", "sda sdb\n")), "E_IMAGE_FORMAT", /several disks: sda, sdb/);
    await fails(damaged("fog-gpt", write("d2.partitions", "")), "E_IMAGE_FORMAT", /several disks: d1, d2/);
    const parts = damaged("cz-dos", (path) => rmSync(join(path, "disk")));
    await fails(parts, "E_IMAGE_FORMAT", /single partitions/);
    await fails(damaged("cz-dos", write("lvm_vg_dev.list", "vg")), "E_IMAGE_FORMAT", /LVM/);
    mkdirSync(join(folder, "none"));
    await fails("none", "E_IMAGE_FORMAT", /no image folder/);
  });
});

describe("dumps of partition tables", () => {
  test("as sfdisk wrote them before 2.26", () => {
    const text = [
      "# partition table of /dev/sda",
      "unit: sectors",
      "",
      "/dev/sda1 : start=     2048, size=   204800, Id= 7, bootable",
      "/dev/sda2 : start=   206848, size= 41734144, Id= 7",
      "/dev/sda3 : start=        0, size=        0, Id= 0",
    ].join("\n");
    assert.deepEqual(readTableDump(text, "table").entries, [
      { name: "/dev/sda1", number: 1, start: 2048, sectors: 204_800, type: "7" },
      { name: "/dev/sda2", number: 2, start: 206_848, sectors: 41_734_144, type: "7" },
    ]);
  });
  test("other sector sizes and tables are refused", () => {
    const entry = "/dev/sda1 : start=2048, size=100, type=7";
    for (const [head, words] of [
      ["label: sun", /kind sun/],
      ["label: gpt\nsector-size: 4096", /4096/],
    ] as const) {
      assert.throws(() => readTableDump(`${head}\n\n${entry}`, "table"), words);
    }
    assert.throws(() => readTableDump("label: gpt\n", "table"), /no partition/);
  });
});
