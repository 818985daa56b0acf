import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeDisk } from "../../../scripts/demonstration/machines.ts";
import { parseOptions } from "../../../scripts/demonstration/options.ts";
import { jsonOf, tableOf } from "../../../scripts/demonstration/table.ts";
import type { DemoResult } from "../../../scripts/demonstration/table.ts";

const result: DemoResult = {
  image: { bytes: 1_073_741_824, root: "a".repeat(64) },
  dataBytes: 400_000_000,
  clients: [
    {
      name: "pc-01",
      verified: true,
      root: "a".repeat(64),
      multicastBytes: 200_000_000,
      unicastBytes: 1_500_000,
      repairedSymbols: 12,
      seconds: 8,
      failure: "",
    },
    {
      name: "pc-02",
      verified: false,
      root: "b".repeat(64),
      multicastBytes: 0,
      unicastBytes: 0,
      repairedSymbols: 0,
      seconds: 0,
      failure: "the disk does not hold the image",
    },
  ],
};

test("the table has a row for each machine, aligned, and says what failed", () => {
  const lines = tableOf(result).split("\n");
  const box = lines.slice(0, 6);
  assert.equal(new Set(box.map((line) => line.length)).size, 1, "the lines differ in length");
  assert.match(lines[3] ?? "", /pc-01 .*200\.0 MB .*1\.5 MB .*12 symbols .*50 MB\/s .*yes .*8\.0/);
  assert.match(lines[4] ?? "", /pc-02 .*NO/);
  assert.equal(lines[6], "pc-02: the disk does not hold the image");
});

test("the JSON has the promised shape", () => {
  const parsed: unknown = JSON.parse(jsonOf(result));
  assert.deepEqual(parsed, {
    image: { bytes: 1_073_741_824, root: "a".repeat(64) },
    clients: [
      {
        name: "pc-01",
        verified: true,
        root: "a".repeat(64),
        multicastBytes: 200_000_000,
        unicastBytes: 1_500_000,
        seconds: 8,
      },
      {
        name: "pc-02",
        verified: false,
        root: "b".repeat(64),
        multicastBytes: 0,
        unicastBytes: 0,
        seconds: 0,
      },
    ],
  });
});

test("options are checked, and the error names the option", () => {
  const defaults = { image: null, clients: 4, keep: false, disksFolder: null, jsonFile: null };
  assert.deepEqual(parseOptions([]), defaults);
  const words = "--image a.vhdx --clients 2 --keep --disks d --json r.json".split(" ");
  const all = { image: "a.vhdx", clients: 2, keep: true, disksFolder: "d", jsonFile: "r.json" };
  assert.deepEqual(parseOptions(words), all);
  for (const wrong of ["0", "65", "two", "1.5"]) {
    assert.throws(() => parseOptions(["--clients", wrong]), { code: "E_USAGE", message: /--clients/ });
  }
  assert.throws(() => parseOptions(["--clint", "2"]), { code: "E_USAGE" });
  assert.throws(() => parseOptions(["file.raw"]), { code: "E_USAGE" });
});

test("a disk has the remains of an older system on it, at its very start too", () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-demo-test-"));
  try {
    const path = join(folder, "1.raw");
    const bytes = 65 * 1024 * 1024 + 512;
    makeDisk(path, bytes);
    makeDisk(path, bytes);
    const disk = readFileSync(path);
    assert.equal(disk.length, bytes);
    assert.match(disk.toString("latin1", 0, 30), /an older system/);
    assert.match(disk.toString("latin1", 64 * 1024 * 1024, 64 * 1024 * 1024 + 30), /an older system/);
    assert.ok(disk.subarray(1024 * 1024, 64 * 1024 * 1024).every((byte) => byte === 0));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
