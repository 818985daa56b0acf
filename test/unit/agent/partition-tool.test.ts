/** sfdisk's table with what it complains of, and a kernel that is told of partitions more than once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTable, showTable, type RunProgram } from "../../../agent/platform/linux/partition-tool.ts";
import { limits } from "../../../contract/limits.ts";

const json = `{"partitiontable": {"label": "gpt", "id": "A", "device": "/dev/nvme0n1", "unit": "sectors",
  "sectorsize": 4096, "partitions": [
    {"node": "/dev/nvme0n1p4", "start": 900, "size": 9, "type": "X"},
    {"node": "/dev/nvme0n1p12", "start": 256, "size": 100, "type": "Y"}]}}`;

test("a table is read from between complaints, in the disk's order", () => {
  const table = parseTable(`The backup GPT table is not on the end of the device.\n${json}\nIt will be.\n`);
  assert.equal(table?.sectorBytes, 4096);
  const found = table.partitions.map(({ number, start }) => ({ number, start }));
  assert.deepEqual(found, [
    { number: 12, start: 256 },
    { number: 4, start: 900 },
  ]);
  assert.equal(parseTable("sfdisk: /dev/sda: does not contain a recognized partition table"), null);
});

/** A kernel that takes no partition so often, and what it was told. */
function kernelThatRefuses(times: number): { said: string[]; run: RunProgram } {
  const said: string[] = [];
  const run: RunProgram = ([, what = ""]) => {
    said.push(what);
    const added = said.filter((word) => word === "--add").length;
    return Promise.resolve(what === "--add" && added <= times ? null : "");
  };
  return { said, run };
}

test("the kernel is told again while others look at the disk, and not for ever", async () => {
  const busy = kernelThatRefuses(2);
  assert.equal(await showTable("/dev/sda", busy.run), true);
  assert.deepEqual(busy.said, ["--delete", "--add", "--delete", "--add", "--delete", "--add"]);
  const never = kernelThatRefuses(Number.POSITIVE_INFINITY);
  assert.equal(await showTable("/dev/sda", never.run), false);
  assert.equal(never.said.length, 2 * limits.partitionShowTries);
});
