/** The facts of a machine and a run that built-in variables are made of. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Hardware } from "../../../agent/platform/platform.ts";
import { openPlatform } from "../../../agent/platform/index.ts";
import { startedFrom } from "../../../agent/platform/linux/sequence-machine.ts";
import type { StartPlace } from "../../../agent/platform/sequence-machine.ts";
import { windowsSequenceMachine } from "../../../agent/platform/windows/sequence-machine.ts";
import { mediaTypeOf, peLaunchMode, standAloneFacts } from "../../../agent/running/sequence-facts.ts";
import { describeTimeZone } from "../../../agent/running/time-zone.ts";
import { builtInVariables } from "../../../agent/sequence/facts.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { sequence } from "../../fixtures/sequences.ts";
import { sequenceFacts } from "../../fixtures/sequence-facts.ts";
import { laptop } from "../../fixtures/windows-facts.ts";

test("what GRUB read the PE from says how it was launched", (context) => {
  const proc = testFolder(context);
  const started = (words: string): StartPlace | null => {
    writeFileSync(join(proc, "cmdline"), `BOOT_IMAGE=/vmlinuz ${words}\n`);
    return startedFrom({ sys: "", proc });
  };
  assert.equal(started("volley.root=cd0 quiet"), "disc");
  assert.equal(started("volley.root=hd0,gpt1 quiet"), "stick");
  assert.equal(started("volley.root=tftp,192.0.2.1 quiet"), "network");
  assert.equal(started("quiet"), null);
});

test("what Windows PE puts down of its start says how it was launched", async () => {
  const control = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control";
  const started = async (drive: string, disk: number | null, winPe = true): Promise<StartPlace | null> => {
    const facts = laptop(winPe);
    facts.shown = facts.shown.map((one, index) =>
      index === disk ? { ...one, systemUses: [...one.systemUses, "boot medium" as const] } : one,
    );
    const value = drive === "" ? "" : `    PEBootRamdiskSourceDrive    REG_SZ    ${drive}\r\n`;
    const run = async ([program, ...words]: readonly string[]): Promise<string> => {
      assert.equal(program, "cmd.exe");
      assert.ok(words.at(-1)?.includes(`query "${control}"`), words.join(" "));
      return `\r\n${control}\r\n${value}    PEFirmwareType    REG_DWORD    0x2\r\n\r\n${control}\\Lsa\r\n`;
    };
    return windowsSequenceMachine(facts, { path: (program) => program, run }).startedFrom();
  };
  const [ownDisk, stick] = [1, 2];
  assert.equal(await started("F:\\", stick), "stick");
  assert.equal(await started("E:\\", ownDisk), "disk");
  assert.equal(await started("D:\\", null), "disc");
  assert.equal(await started("", null), null, "from the network");
  assert.equal(await started("F:\\", stick, false), null, "no Windows PE");
});

test("_SMSTSTimezone: as the documentation shows it, at whatever time of the year", () => {
  const rows: [zone: string, name: string | null, text: string][] = [
    [
      "America/New_York",
      "Eastern Standard Time",
      "300,0,-60,0,11,0,1,2,0,0,0,0,3,0,2,2,0,0,0,Eastern Standard Time,Eastern Daylight Time",
    ],
    ["Europe/Berlin", null, "-60,0,-60,0,10,0,5,3,0,0,0,0,3,0,5,2,0,0,0,Europe/Berlin,Europe/Berlin"],
    [
      "Australia/Sydney",
      null,
      "-600,0,-60,0,4,0,1,3,0,0,0,0,10,0,1,2,0,0,0,Australia/Sydney,Australia/Sydney",
    ],
    ["Asia/Kolkata", null, `-330,0,0,${Array(16).fill("0").join(",")},Asia/Kolkata,Asia/Kolkata`],
    ["UTC", "UTC", `0,0,0,${Array(16).fill("0").join(",")},UTC,UTC`],
  ];
  for (const [zone, name, text] of rows) {
    for (const year of [2025, 2026]) {
      const variables = builtInVariables(sequenceFacts({ timeZone: describeTimeZone(zone, year, name) }));
      assert.equal(variables.find((one) => one.name === "_SMSTSTimezone")?.value, text);
    }
  }
});

test("Windows' own name of its time zone is the registry's", async () => {
  const key = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation";
  const name = (shown: string | null): Promise<string | null> | undefined => {
    const run = async (command: readonly string[]): Promise<string | null> => {
      assert.ok(command.at(-1)?.includes(`query "${key}"`), command.join(" "));
      return shown;
    };
    return windowsSequenceMachine(laptop(false), { path: (program) => program, run }).timeZoneName?.();
  };
  const value = "    TimeZoneKeyName    REG_SZ    Eastern Standard Time\r\n";
  assert.equal(await name(`\r\n${key}\r\n${value}`), "Eastern Standard Time");
  assert.equal(await name(null), null);
});

test("_SMSTSLaunchMode and _SMSTSMediaType: what the documentation calls each place", async () => {
  const { sequenceMachine } = openPlatform({ selfCommand: [], systemRoot: undefined });
  const rows: [StartPlace | null, string | null, string][] = [
    ["network", "PXE", "PXE"],
    ["stick", "UFD", "BootMedia"],
    ["disc", "CD", "BootMedia"],
    ["disk", "HD", "OEMMedia"],
    [null, null, ""],
  ];
  for (const [place, mode, media] of rows) {
    const launched = await peLaunchMode({ ...sequenceMachine, startedFrom: () => Promise.resolve(place) });
    assert.equal(launched, mode);
    assert.equal(mediaTypeOf(launched ?? "SMS", "BootMedia"), media);
  }
  assert.equal(mediaTypeOf("UFD", "FullMedia"), "FullMedia");
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
