/** The firmware's boot entries around the writing of a disk, as Windows PE has them by bcdedit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  entriesThatLead,
  readFirmwareEntries,
  removeStaleEntries,
} from "../../../agent/platform/windows/firmware-entries.ts";
import type { WindowsTools } from "../../../agent/platform/windows/tools.ts";
import { allTools } from "../../fixtures/windows-tools/all.ts";
import { bootStore, type BootEntry } from "../../fixtures/windows-tools/bcdedit.ts";
import { doubleMachine, windowsTools, type DoubleMachine } from "../../fixtures/windows-tools/machine.ts";

const id = (number: number): string => `{c39bf358-0000-11ee-8000-00000000000${number}}`;

const entry = (description: string, device: string): BootEntry => ({
  description,
  application: "firmware",
  values: new Map([
    ["device", device],
    ["path", "\\EFI\\debian\\shimx64.efi"],
  ]),
});

function machineWith(...entries: BootEntry[]): { machine: DoubleMachine; tools: WindowsTools } {
  const machine = doubleMachine();
  for (const [index, one] of entries.entries()) bootStore(machine).entries.set(id(index + 1), one);
  const tools = windowsTools(machine, allTools());
  const run: WindowsTools["run"] = async (command) => {
    const { exitCode, output } = await tools.run({ command });
    return exitCode === 0 ? output : null;
  };
  return { machine, tools: { path: (program) => program, run } };
}

test("what led to the disk that was written goes, and nothing else does", async () => {
  const gone = entry("old Windows", "partition=\\Device\\HarddiskVolume2");
  const { machine, tools } = machineWith(
    gone,
    entry("the other disk", "partition=D:"),
    // On a disk that is unplugged: nobody knows of it.
    entry("a stick", "unknown"),
  );
  const before = await entriesThatLead(tools);
  assert.deepEqual(before, [id(1), id(2)]);
  gone.values.set("device", "unknown");
  const words = ["0b6ef6a1-52cd-4f4c-b6e4-1f6d7a9b0c11", ...before];
  const done = await removeStaleEntries(words, tools);
  assert.deepEqual(done, ['The boot entry "old Windows" led to no partition and is removed']);
  const { entries } = bootStore(machine);
  assert.deepEqual([entries.has(id(1)), entries.has(id(2)), entries.has(id(3))], [false, true, true]);
  assert.deepEqual(await removeStaleEntries(words, tools), []);
});

test("a Windows PE whose bcdedit finds no store, and a BIOS, leave everything as it is", async () => {
  const asked: string[] = [];
  const tools: WindowsTools = {
    path: (program) => program,
    run: (command) => Promise.resolve((asked.push(command.join(" ")), null)),
  };
  assert.deepEqual(await entriesThatLead(tools), []);
  assert.deepEqual(await removeStaleEntries([], tools), []);
  assert.deepEqual(await removeStaleEntries([id(1)], tools), []);
  assert.ok(asked.every((line) => line === "bcdedit.exe /enum firmware"));
});

test("identifiers are found whatever the language; Windows' own boot manager is none of them", () => {
  const output = [
    "",
    "Windows-Start-Manager",
    "---------------------",
    "Bezeichner              {bootmgr}",
    "device                  partition=\\Device\\HarddiskVolume1",
    "description             Windows Boot Manager",
    "resumeobject            {c39bf358-0000-11ee-8000-000000000009}",
    "",
    "Firmwareanwendung (101fffff)",
    "-------------------------------",
    `Bezeichner              ${id(1).toUpperCase()}`,
    "device                  unbekannt",
    "description             Linux",
    "",
  ].join("\r\n");
  assert.deepEqual(readFirmwareEntries(output), [{ id: id(1), description: "Linux", leads: false }]);
});
