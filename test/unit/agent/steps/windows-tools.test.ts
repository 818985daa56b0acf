/** The doubles of Windows' tools refuse what the tools' documentation does not allow. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { testFolder } from "../../../fixtures/folder.ts";
import { diskpart, fsutil } from "../../../fixtures/windows-tools/diskpart.ts";
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";

test("diskpart", async (t) => {
  const file = join(testFolder(t), "script.txt");
  const gpt = "select disk 0\nclean\nconvert gpt\n";
  const mbr = "select disk 0\nclean\nconvert mbr\n";
  const rows: [string, string, boolean][] = [
    [
      "a whole script",
      `${gpt}create partition efi size=260\nformat quick fs=fat32 label="System"\nassign letter=S`,
      true,
    ],
    ["unknown command", "select disk 0\nscrub", false],
    ["unknown disk", "select disk 7", false],
    ["no disk selected", "clean", false],
    ["convert a full disk", `${mbr}create partition primary\nconvert gpt`, false],
    ["create before convert", "select disk 0\nclean\ncreate partition primary", false],
    ["efi on mbr", `${mbr}create partition efi size=100`, false],
    ["extended on gpt", `${gpt}create partition extended`, false],
    ["logical outside", `${mbr}create partition logical`, false],
    ["five primaries", `${mbr}${"create partition primary size=1\n".repeat(5)}`, false],
    ["too large", `${gpt}create partition primary size=999999999`, false],
    ["size zero", `${gpt}create partition primary size=0`, false],
    ["unknown option", `${gpt}create partition primary length=5`, false],
    ["format without a partition", `${gpt}format fs=ntfs quick`, false],
    ["format msr", `${gpt}create partition msr size=16\nformat fs=ntfs`, false],
    ["unknown file system", `${gpt}create partition primary\nformat fs=ext4`, false],
    ["label too long", `${gpt}create partition primary\nformat fs=fat32 label="abcdefghijkl"`, false],
    ["letter taken", `${gpt}create partition primary\nassign letter=X`, false],
    ["active on gpt", `${gpt}create partition primary\nactive`, false],
    ["a byte as identifier on gpt", `${gpt}create partition primary\nset id=27`, false],
    [
      "a GUID as identifier on mbr",
      `${mbr}create partition primary\nset id=de94bba4-06d1-4d40-a16a-bfd50179d6ac`,
      false,
    ],
    ["attributes on mbr", `${mbr}create partition primary\ngpt attributes=0x8000000000000001`, false],
    ["short attributes", `${gpt}create partition primary\ngpt attributes=0x1`, false],
  ];
  for (const [name, script, accepted] of rows) {
    writeFileSync(file, script);
    const machine = doubleMachine({
      disks: [{ sizeMegabytes: 1000, style: "raw", dynamic: false, partitions: [] }],
    });
    const tools = windowsTools(machine, { "diskpart.exe": diskpart, "fsutil.exe": fsutil });
    const result = await tools.run({ command: ["diskpart.exe", "/s", file] });
    assert.equal(result.exitCode === 0, accepted, `${name}: ${result.output}`);
  }
  const tools = windowsTools(doubleMachine(), { "diskpart.exe": diskpart, "fsutil.exe": fsutil });
  assert.notEqual((await tools.run({ command: ["diskpart.exe", file] })).exitCode, 0);
  assert.notEqual((await tools.run({ command: ["fsutil.exe", "drives"] })).exitCode, 0);
  await assert.rejects(tools.run({ command: ["parted.exe"] }), { code: "E_TOOL_MISSING" });
});
