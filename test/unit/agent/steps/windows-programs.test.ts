/** Programs that run other things on Windows: the steps' commands pass their doubles, and no program lacks a double. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { splitProgram } from "../../../../agent/steps/command-words.ts";
import { encryptFile } from "../../../../agent/steps/user-state/archive.ts";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { testContext, type TestContextOptions } from "../../../fixtures/step-context.ts";
import { kindOf } from "../../../fixtures/windows-room.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools, type DoubleMachine } from "../../../fixtures/windows-tools/machine.ts";
import type { PowerShellAnswer } from "../../../fixtures/windows-tools/powershell.ts";

interface Ran {
  exitCode: number;
  text: string;
  machine: DoubleMachine;
}

async function perform(
  type: string,
  system: SystemName,
  options: TestContextOptions,
  answers: readonly PowerShellAnswer[] = [],
): Promise<Ran> {
  const machine = doubleMachine({ inPe: system === "winpe", otherLetters: ["X", "C"] });
  const tools = windowsTools(machine, allTools(answers));
  const context = testContext({ ...options, system, tools });
  const { exitCode, output, text } = await kindOf(type).perform(context);
  return { exitCode, text: `${text} ${output}`, machine };
}

test("every program for Windows that the steps name has a double", () => {
  const folder = join(import.meta.dirname, "../../../../../agent/steps");
  const doubles = allTools();
  /** The engine's own word for Run Command Line, and files of Windows that no step runs. */
  const noTools = new Set(["smsswd.exe", "ntoskrnl.exe", "winload.exe"]);
  const found = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".ts")) continue;
    const text = readFileSync(join(folder, entry), "utf8");
    for (const [, name = ""] of text.matchAll(/(?<![\w-])([a-z][a-z0-9-]*\.exe)\b(?!\()/gi)) {
      found.add(name.toLowerCase());
    }
  }
  assert.ok(found.has("dism.exe") && found.size > 10, [...found].join(" "));
  const without = [...found].filter((name) => doubles[name] === undefined && !noTools.has(name));
  assert.deepEqual(without, []);
});

test("Run Command Line on Windows: programs with what they take, the shell's words, batch files", async (t) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "set up.cmd"), "");
  const rows: [system: SystemName, line: string, exitCode: number, done: string][] = [
    ["winpe", "wpeutil UpdateBootInfo", 0, "wpeutil UpdateBootInfo"],
    ["winpe", "wpeutil.exe DisableFirewall", 0, "wpeutil DisableFirewall"],
    ["winpe", "X:\\Windows\\System32\\wpeutil.exe initializenetwork /nowait", 0, "initializenetwork /nowait"],
    ["winpe", "wpeutil createpagefile /path=C:\\pagefile.sys /size=512", 0, "createpagefile"],
    ["winpe", "wpeutil shutdown", 0, "wpeutil shutdown"],
    ["winpe", "wpeutil reboot /now", 87, ""],
    ["winpe", "wpeutil disablefirewall shutdown", 87, ""],
    ["winpe", "wpeutil halt", 87, ""],
    ["windows", "wpeutil shutdown", 9009, ""],
    ["winpe", 'cmd.exe /c "wpeutil shutdown"', 0, "wpeutil shutdown"],
    ["winpe", "cmd.exe wpeutil shutdown", 1, ""],
    ["winpe", "copy a.txt b.txt", 0, "cmd copy a.txt b.txt"],
    ["winpe", 'echo "two words" and more', 0, 'cmd echo "two words" and more'],
    ["winpe", `"${folder}/set up.cmd" /quiet`, 0, "set up.cmd"],
    ["winpe", `"${folder}/other.cmd" /quiet`, 1, ""],
    ["winpe", "reg add HKLM\\Software\\A /v Name /t REG_SZ /d Value /f", 0, ""],
    ["winpe", "reg add HKLM\\Software\\A /value Name", 1, ""],
  ];
  for (const [system, line, exitCode, done] of rows) {
    const ran = await perform("RunCommandLine", system, { properties: { CommandLine: line } });
    assert.equal(ran.exitCode, exitCode, `${line}: ${ran.text}`);
    if (done !== "") assert.ok(ran.machine.done.join("\n").includes(done), ran.machine.done.join("\n"));
  }
});

test("Run PowerShell Script on Windows: a policy and a file, and as another account", async (t) => {
  const services = { folders: { work: join(testFolder(t), "work") } };
  const script = Buffer.from("Write-Output 'hello'", "utf8").toString("base64");
  const answers: PowerShellAnswer[] = [
    ["& '", () => 0],
    ["Start-Process", () => 3],
  ];
  const properties = { SourceScript: script, ExecutionPolicy: "Bypass" };
  const ran = await perform("RunPowerShellScript", "winpe", { properties, services }, answers);
  assert.equal(ran.exitCode, 0, ran.text);
  assert.match(String(ran.machine.state.get("powershell file")), /LASTEXITCODE/);
  const user = { RunAsUser: "true", UserName: "LAB\\admin", UserPassword: "pa55word" };
  const line = { CommandLine: "notepad.exe", ...user };
  const asUser = await perform("RunCommandLine", "windows", { properties: line }, answers);
  assert.equal(asUser.exitCode, 3, asUser.text);
});

test("a script of the toolkit by Windows Script Host", async (t) => {
  const folder = testFolder(t);
  const path = join(folder, "Scripts", "ZTIModifyVars.wsf");
  mkdirSync(join(path, ".."));
  writeFileSync(path, "");
  const options = {
    variables: { ScriptRoot: join(folder, "Scripts") },
    services: { folders: { work: folder, driveRoot: (letter: string) => join(folder, letter) } },
  };
  const rows: [action: string, exitCode: number][] = [
    ['cscript.exe "%SCRIPTROOT%/ZTIModifyVars.wsf" /level:2', 0],
    ['cscript.exe "%SCRIPTROOT%/ZTINothing.wsf"', 1],
    ['cscript.exe //nosuch "%SCRIPTROOT%/ZTIModifyVars.wsf"', 1],
  ];
  for (const [action, exitCode] of rows) {
    const written = action.replace("%SCRIPTROOT%", join(folder, "Scripts"));
    const ran = await perform("ZTIModifyVars", "winpe", { ...options, step: { action: written } });
    assert.equal(ran.exitCode, exitCode, `${action}: ${ran.text}`);
  }
});

test("Restore User State of an archive by Windows' tar", async (t) => {
  const folder = testFolder(t);
  const key = "ab".repeat(32);
  mkdirSync(join(folder, "store"));
  mkdirSync(join(folder, "C", "Users"), { recursive: true });
  writeFileSync(join(folder, "plain"), "an archive");
  await encryptFile(join(folder, "plain"), join(folder, "store", "volley-user-state"), key);
  const services = {
    folders: { work: join(folder, "work"), driveRoot: (letter: string) => join(folder, letter) },
  };
  const variables = { OSDStateStorePath: join(folder, "store"), _VolleyStateStoreKey: key };
  const ran = await perform("RestoreUserState", "windows", { variables, services });
  assert.equal(ran.exitCode, 0, ran.text);
  assert.deepEqual(ran.machine.done, [`tar -x ${join(folder, "C", "Users")}`]);
});

test("what the applied Windows runs by itself: its command lines pass the doubles", async (t: Test) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "kb1.msu"), "");
  const rows: [line: string, done: string][] = [
    [
      'cmd.exe /c pnputil.exe /add-driver "C:\\_SMSTaskSequence\\Drivers\\*.inf" /subdirs /install',
      "pnputil C:\\_SMSTaskSequence\\Drivers\\*.inf /subdirs /install",
    ],
    [
      `dism.exe /Online /Add-Package /Quiet /NoRestart /PackagePath:${folder}/kb1.msu`,
      `add-package ${folder}/kb1.msu`,
    ],
    [
      "powershell.exe -NoProfile -NonInteractive -Command \"Get-LocalUser | Where-Object { $_.SID.Value -like 'S-1-5-21-*-500' } | Disable-LocalUser\"",
      "powershell Disable-LocalUser",
    ],
  ];
  for (const [line, done] of rows) {
    const machine = doubleMachine({ inPe: false });
    const tools = windowsTools(machine, allTools([["Disable-LocalUser", () => 0]]));
    const { program, rest } = splitProgram(line);
    const result = await tools.run({ command: [program, rest], verbatim: true });
    assert.equal(result.exitCode, 0, `${line}: ${result.output}`);
    assert.deepEqual(machine.done, [done]);
  }
});
