/** Run Command Line and Run PowerShell Script. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import { splitProgram, splitWords } from "../../../../agent/steps/command-words.ts";
import { runCommandLine } from "../../../../agent/steps/run-command-line.ts";
import { decodeScript, runPowerShellScript } from "../../../../agent/steps/run-powershell-script.ts";
import type { ToolRun, Tools } from "../../../../agent/steps/step.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { testContext } from "../../../fixtures/step-context.ts";

const answering = (exitCode: number, output = ""): Tools => ({
  run: () => Promise.resolve({ exitCode, output, timedOut: false }),
});

test("Run Command Line returns the program's status and output", async () => {
  const context = testContext({
    properties: { CommandLine: "echo one; echo two >&2; exit 7", OutputVariableName: "Said" },
  });
  const outcome = await runCommandLine.perform(context);
  assert.equal(outcome.exitCode, 7);
  assert.match(outcome.output, /one[^]*two|two[^]*one/);
  assert.ok(context.variables.get("Said").includes("one"));
});

test("Run Command Line: the output variable holds the last 1,000 characters", async () => {
  const context = testContext({
    properties: { CommandLine: "seq 1 1000", OutputVariableName: "Said" },
  });
  await runCommandLine.perform(context);
  assert.equal(context.variables.get("Said").length, 1000);
  assert.ok(context.variables.get("Said").endsWith("\n1000"));
});

test("Run Command Line says that a program is missing, and ends one that takes too long with its children", async () => {
  const missing = await runCommandLine.perform(
    testContext({ properties: { CommandLine: "no-such-program-of-volley" } }),
  );
  assert.equal(missing.exitCode, codes.fileNotFound);
  const before = Date.now();
  const slow = await runCommandLine.perform(
    testContext({ properties: { CommandLine: "sleep 60 & sleep 60" }, step: { timeoutSeconds: 1 } }),
  );
  assert.equal(slow.exitCode, codes.timedOut);
  assert.ok(Date.now() - before < 20_000);
});

test("Run Command Line starts in the package's folder, or below it, and never shows the line in a process list", async (t) => {
  const folder = testFolder(t);
  mkdirSync(join(folder, "tools"));
  for (const [workingDirectory, wanted] of [
    ["", folder],
    ["tools", join(folder, "tools")],
    ["/", "/"],
  ] as const) {
    const context = testContext({
      properties: {
        CommandLine: 'pwd; tr "\\0" " " < /proc/$$/cmdline; : top-secret',
        PackageID: "PKG00001",
        WorkingDirectory: workingDirectory,
      },
      packages: { PKG00001: folder },
    });
    const { output } = await runCommandLine.perform(context);
    assert.equal(output.split("\n")[0], wanted);
    assert.doesNotMatch(output, /top-secret/);
  }
});

test("Run Command Line: a package that is not there, an account in a PE, and OSDDoNotLogCommand", async () => {
  const properties = { CommandLine: "true", PackageID: "PKG00009" };
  assert.equal((await runCommandLine.perform(testContext({ properties }))).exitCode, codes.fileNotFound);
  const asUser = { CommandLine: "true", RunAsUser: "true", UserName: "CORP\\someone", UserPassword: "pw" };
  for (const system of ["winpe", "linuxpe"] as const) {
    const outcome = await runCommandLine.perform(testContext({ properties: asUser, system }));
    assert.equal(outcome.exitCode, codes.notSupported);
  }
  const quiet = testContext({
    properties: { CommandLine: "true secret" },
    variables: { OSDDoNotLogCommand: "TRUE" },
  });
  await runCommandLine.perform(quiet);
  assert.deepEqual(
    quiet.lines.filter((line) => line.includes("secret")),
    [],
  );
});

test("Run Command Line on Windows: the program as written, words of the command shell by cmd.exe", async () => {
  const rows: [string, readonly string[]][] = [
    ["notepad.exe", ["notepad.exe"]],
    ['"C:\\Program Files\\a.exe" /x "y z"', ["C:\\Program Files\\a.exe", '/x "y z"']],
    ["Exit 250", ["cmd.exe", "/d", "/s", "/c", '"Exit 250"']],
    ["cmd.exe /c a & b", ["cmd.exe", "/c a & b"]],
    ["setup.cmd /q", ["cmd.exe", "/d", "/s", "/c", '"setup.cmd /q"']],
  ];
  for (const [line, command] of rows) {
    const context = testContext({
      properties: { CommandLine: line },
      system: "winpe",
      tools: answering(0xffffffff),
    });
    const outcome = await runCommandLine.perform(context);
    assert.deepEqual(context.runs[0]?.command, command);
    assert.equal(context.runs[0]?.verbatim, true);
    assert.equal(outcome.exitCode, 0xffffffff);
  }
});

test("Run Command Line on Windows as another account keeps name and password off the command line", async () => {
  const context = testContext({
    properties: { CommandLine: "a.exe", RunAsUser: "true", UserName: "CORP\\x", UserPassword: "pa55" },
    system: "windows",
    tools: answering(0),
  });
  await runCommandLine.perform(context);
  const run = context.runs[0] as ToolRun;
  assert.doesNotMatch(run.command.join(" "), /pa55|CORP/);
  assert.equal(run.environment?.["VOLLEY_PASSWORD"], "pa55");
});

test("Run Command Line takes MDT's action where there is no property", async () => {
  const step = { action: "smsswd.exe /run:PKG00001 echo %Word%" };
  const context = testContext({ step, variables: { Word: "hello" } });
  assert.match((await runCommandLine.perform(context)).output, /hello/);
  assert.deepEqual(runCommandLine.check(testContext({}).step), ["There is no command line"]);
});

test("words of a Windows command line", () => {
  const rows: [string, string[]][] = [
    ['a "b c" d', ["a", "b c", "d"]],
    ['a\\\\b "c\\"d"', ["a\\\\b", 'c"d']],
    ['"a\\\\" b', ["a\\", "b"]],
    ['"a""b"', ['a"b']],
    ['""', [""]],
    ["", []],
  ];
  for (const [line, words] of rows) assert.deepEqual(splitWords(line), words, line);
  assert.deepEqual(splitProgram('"a b'), { program: "a b", rest: "" });
});

const script = Buffer.from("\uFEFFWrite-Output 'hello'", "utf16le").toString("base64");

test("Run PowerShell Script: inline scripts are UTF-16 in Base64", () => {
  assert.equal(decodeScript(script), "Write-Output 'hello'");
  assert.equal(decodeScript(Buffer.from("plain").toString("base64")), "plain");
  assert.throws(() => decodeScript("not base64!"), { exitCode: codes.invalidData });
});

test("Run PowerShell Script on Linux says that pwsh is missing, or runs it; nothing of the script is left", async (t) => {
  const folder = testFolder(t);
  const seen: string[] = [];
  const tools: Tools = {
    run({ command }) {
      assert.equal(command[0], "pwsh");
      seen.push(readFileSync(command.at(-1) ?? "", "utf8"));
      return Promise.resolve({ exitCode: 3, output: "x\n", timedOut: false });
    },
  };
  const properties = { SourceScript: script, Parameters: "-Key s3cret", OutputVariableName: "Out" };
  const context = testContext({ properties, tools, services: { folders: { work: folder } } });
  const outcome = await runPowerShellScript.perform(context);
  assert.equal(outcome.exitCode, 3);
  assert.equal(context.variables.get("Out"), "x");
  assert.match(seen[0] ?? "", /-Key s3cret/);
  assert.doesNotMatch(context.runs[0]?.command.join(" ") ?? "", /s3cret/);
  assert.deepEqual(
    context.lines.filter((line) => line.includes("s3cret")),
    [],
  );
  const path = /'(.*\.ps1)'/.exec(seen[0] ?? "")?.[1] ?? "";
  assert.ok(path.startsWith(folder) && !existsSync(path));
  if (!existsSync("/usr/bin/pwsh")) {
    const real = testContext({ properties, services: { folders: { work: folder } } });
    assert.equal((await runPowerShellScript.perform(real)).exitCode, codes.fileNotFound);
  }
});

test("Run PowerShell Script on Windows: the policies of the console, the package's script", async (t) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "a.ps1"), "");
  for (const [policy, exitCode] of [
    ["Bypass", 0],
    ["", 0],
    ["Unrestricted", codes.invalidSetting],
  ] as const) {
    const context = testContext({
      properties: { ScriptName: ".\\a.ps1", PackageID: "PKG00001", ExecutionPolicy: policy },
      packages: { PKG00001: folder },
      system: "winpe",
      tools: answering(0),
      services: { folders: { work: join(folder, "work") } },
    });
    assert.equal((await runPowerShellScript.perform(context)).exitCode, exitCode, policy);
    if (exitCode === 0) assert.ok(context.runs[0]?.command.includes(policy || "AllSigned"));
  }
});
