/** What the plan shows, and which answers count as a confirmation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { confirmPlan, makePlan, planText } from "../../../agent/imaging/plan.ts";
import type { DiskFacts } from "../../../agent/platform/platform.ts";
import { Plan } from "../../../contract/report.ts";

const disk: DiskFacts = {
  path: "/dev/nvme0n1",
  kind: "disk",
  identity: "wwid:1",
  sizeBytes: 512_110_190_592,
  sectorBytes: 512,
  model: "Example NVMe",
  serial: "N77",
  removable: false,
  readOnly: false,
  systemUses: [],
  otherUses: [],
  partitions: [
    { name: "/dev/nvme0n1p1", sizeBytes: 104_857_600, fileSystem: "vfat", label: "EFI" },
    { name: "/dev/nvme0n1p2", sizeBytes: 500e9, fileSystem: "ntfs", label: "Windows" },
    { name: "/dev/nvme0n1p3", sizeBytes: 1e9, fileSystem: "", label: "" },
  ],
};
const image = {
  id: "6f2ff6a0-7a4c-4a53-9d0b-2a8e1b0f9a11",
  name: "Lab 2",
  root: "ab".repeat(32),
  bytes: 40e9,
  contentBytes: 12e9,
  smallestDiskBytes: 40e9,
  sectorBytes: 512 as const,
  firmware: ["uefi" as const],
  multicast: "allowed" as const,
  encrypt: false,
};

test("the plan names the disk, what is lost, and the image with its size", () => {
  const plan = makePlan(disk);
  assert.deepEqual(Plan.parse(plan), plan);
  const text = planText(plan, image, "room 12");
  for (const words of ["room 12", "/dev/nvme0n1, 512 GB (512110190592 bytes)", "Example NVMe", "N77"]) {
    assert.ok(text.includes(words), `${words} in\n${text}`);
  }
  assert.match(
    text,
    /lost +\/dev\/nvme0n1p1: 105 MB vfat "EFI"\n +\/dev\/nvme0n1p2: 500 GB ntfs "Windows"\n/,
  );
  assert.match(text, /image +Lab 2, 40\.0 GB/);
});

test("a disk on which nothing is found says so", () => {
  assert.deepEqual(makePlan({ ...disk, partitions: [] }).lost, ["nothing found"]);
});

test("a disk with more partitions than a report may name is still a valid plan", () => {
  const partitions = Array.from({ length: 300 }, (_, index) => ({
    name: `p${index}`,
    sizeBytes: 1,
    fileSystem: "",
    label: "",
  }));
  assert.equal(Plan.parse(makePlan({ ...disk, partitions })).lost.length, 200);
});

const answers: { typed: string; accepted: boolean }[] = [
  { typed: "/dev/nvme0n1", accepted: true },
  { typed: "  /dev/nvme0n1 ", accepted: true },
  { typed: "yes", accepted: true },
  { typed: "YES", accepted: true },
  { typed: "", accepted: false },
  { typed: "y", accepted: false },
  { typed: "no", accepted: false },
  { typed: "/dev/nvme0n", accepted: false },
  { typed: "/dev/nvme0n1p1", accepted: false },
];
for (const { accepted, typed } of answers) {
  test(`"${typed}" is ${accepted ? "a" : "no"} confirmation`, async () => {
    const asked: string[] = [];
    const ask = async (question: string): Promise<string> => {
      asked.push(question);
      return typed;
    };
    const confirmed = confirmPlan(makePlan(disk), { interactive: true, ask });
    if (accepted) await confirmed;
    else await assert.rejects(confirmed, { code: "E_PLAN_DECLINED" });
    assert.match(asked.join(), /\/dev\/nvme0n1/);
  });
}

test("where nobody can be asked, nothing is asked and the way out is named", async () => {
  const ask = (): Promise<string> => assert.fail("asked");
  await assert.rejects(
    confirmPlan(makePlan(disk), { interactive: false, ask }),
    (error: Error & { code: string }) => {
      assert.equal(error.code, "E_PLAN_DECLINED");
      assert.match(error.message, /--yes/);
      return true;
    },
  );
});
