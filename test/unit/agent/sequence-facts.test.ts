/** The facts of a machine and a run that built-in variables are made of. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Hardware } from "../../../agent/platform/platform.ts";
import { openPlatform } from "../../../agent/platform/index.ts";
import { startedFrom } from "../../../agent/platform/linux/sequence-machine.ts";
import { peLaunchMode, standAloneFacts } from "../../../agent/running/sequence-facts.ts";
import { builtInVariables } from "../../../agent/sequence/facts.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { sequence } from "../../fixtures/sequences.ts";

test("what GRUB read the PE from says how it was launched", (context) => {
  const proc = testFolder(context);
  const { sequenceMachine } = openPlatform({ selfCommand: [], systemRoot: undefined });
  const launched = (words: string): string | null => {
    writeFileSync(join(proc, "cmdline"), `BOOT_IMAGE=/vmlinuz ${words}\n`);
    return peLaunchMode({ ...sequenceMachine, startedFrom: () => startedFrom({ sys: "", proc }) });
  };
  assert.equal(launched("volley.root=cd0 quiet"), "CD");
  assert.equal(launched("volley.root=hd0,gpt1 quiet"), "UFD");
  assert.equal(launched("volley.root=tftp,192.0.2.1 quiet"), "PXE");
  assert.equal(launched("quiet"), null);
});

test("a Windows PE finds the Windows that is installed, beside volumes without one", async (context) => {
  const disks = testFolder(context);
  for (const letter of ["C", "X"]) mkdirSync(join(disks, letter, "Windows", "System32"), { recursive: true });
  mkdirSync(join(disks, "D", "Windows", "System32", "config"), { recursive: true });
  writeFileSync(join(disks, "D", "Windows", "System32", "config", "SYSTEM"), "regf");
  const platform = openPlatform({ selfCommand: [], systemRoot: undefined });
  const hardware = await platform.identify();
  const detected = async (operatingSystem: Hardware["operatingSystem"]): Promise<string[]> => {
    const facts = await standAloneFacts({
      machineName: "pc1",
      hardware: { ...hardware, operatingSystem },
      machine: { ...platform.sequenceMachine, driveFolder: (letter) => join(disks, letter) },
      sequence: sequence(),
      logPath: "",
      dataPath: "",
    });
    return builtInVariables(facts)
      .filter(({ name }) => name.startsWith("_OSDDetected"))
      .map(({ name, value }) => `${name}=${value}`);
  };
  assert.deepEqual(await detected("winpe"), ["_OSDDetectedWinDrive=D:", "_OSDDetectedWinDir=D:\\Windows"]);
  assert.deepEqual(await detected("windows"), []);
});
