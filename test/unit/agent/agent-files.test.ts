/** What Setup Windows puts into the Windows that was applied: the agent, this machine's key, and how it goes on. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { agentFiles } from "../../../agent/deploying/agent-files.ts";
import { readHandOver } from "../../../agent/deploying/hand-over.ts";
import type { Performer } from "../../../agent/deploying/performer.ts";
import { Enrolment } from "../../../agent/site/site-client.ts";
import { openStateFolder } from "../../../agent/state-folder.ts";
import { splitProgram } from "../../../agent/steps/command-words.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { allTools } from "../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools } from "../../fixtures/windows-tools/machine.ts";
import { scheduledTasks } from "../../fixtures/windows-tools/scheduler.ts";

const enrolment = {
  site: "192.0.2.10:8443",
  authority: "-----BEGIN CERTIFICATE-----",
  machineId: "0b6ef6a1-52cd-4f4c-b6e4-1f6d7a9b0c11",
  machineKey: "ab".repeat(32),
  manifestKey: "key",
};

const deploymentId = "5d0f6c2e-3f58-4a53-8a39-3a0b9d6b8f10";

function performer(yes: boolean): Pick<Performer, "machine" | "platform" | "site" | "yes"> {
  const parts = {
    machine: { operatingSystem: "linux-pe" },
    platform: { flushFolder: () => {} },
    site: { enrol: () => Promise.resolve(enrolment) },
    yes,
  };
  return parts as unknown as Performer;
}

test("in a Linux PE it comes from the site, with the machine's key and scripts that start it", async (t) => {
  const folder = testFolder(t);
  mkdirSync(join(folder, "package"));
  writeFileSync(join(folder, "package/volley-agent.exe"), "the agent");
  const asked: string[] = [];
  const content = {
    folderOf(packageId: string) {
      asked.push(packageId);
      return Promise.resolve(join(folder, "package"));
    },
  };
  const files = agentFiles({ by: performer(true), content, deploymentId, folder: join(folder, "staged") });
  const staged = await files.windows();
  assert.deepEqual(asked, ["VOLLEY-AGENT-WINDOWS"]);
  const read = (name: string): string => readFileSync(join(staged.folder, name), "utf8");
  assert.equal(read("volley-agent.exe"), "the agent");
  const state = openStateFolder(join(staged.folder, "State"), () => {});
  assert.deepEqual(state.read("enrolment.json", Enrolment), enrolment);
  assert.equal(statSync(join(staged.folder, "State/enrolment.json")).mode & 0o077, 0);
  assert.deepEqual(readHandOver(state), {
    site: "https://192.0.2.10:8443",
    deploymentId,
    disk: null,
    yes: true,
  });
  assert.deepEqual(JSON.parse(read("State/authority.json")), {
    site: enrolment.site,
    authority: enrolment.authority,
  });
  assert.equal(staged.place, "Volley\\Agent");
  assert.equal(staged.command, "start.cmd");
  for (const script of ["run.cmd", "start.cmd"]) assert.ok(!read(script).includes(enrolment.machineKey));
});

test("nobody is answered for whom nobody answered before; what an earlier try has left is gone", async (t) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "volley-agent.exe"), "the agent");
  mkdirSync(join(folder, "staged"));
  writeFileSync(join(folder, "staged/old"), "");
  const content = { folderOf: () => Promise.resolve(folder) };
  const files = agentFiles({ by: performer(false), content, deploymentId, folder: join(folder, "staged") });
  const staged = await files.windows();
  const state = openStateFolder(join(staged.folder, "State"), () => {});
  assert.equal(readHandOver(state)?.yes, false);
  assert.ok(!existsSync(join(staged.folder, "old")));
});

async function scriptLines(folder: string, name: string): Promise<string[]> {
  writeFileSync(join(folder, "volley-agent.exe"), "the agent");
  const content = { folderOf: () => Promise.resolve(folder) };
  const files = agentFiles({ by: performer(true), content, deploymentId, folder: join(folder, "staged") });
  const staged = await files.windows();
  return readFileSync(join(staged.folder, name), "utf8").split("\r\n");
}

test("the folder is closed to users before the system starts anything from it, or nothing is started", async (t) => {
  const start = await scriptLines(testFolder(t), "start.cmd");
  const program = (line: string): string => /^"%SystemRoot%\\System32\\([^"]+)" /.exec(line)?.[1] ?? "";
  const scheduled = start.findIndex((line) => program(line) === "schtasks.exe");
  const closing = start.slice(0, scheduled).filter((line) => line.includes('"%SystemRoot%\\Volley"'));
  assert.deepEqual(closing.map(program), ["icacls.exe", "icacls.exe", "icacls.exe"]);
  assert.match(closing[0] ?? "", / "\/setowner" "\*S-1-5-32-544" "\/T"/);
  assert.match(closing[1] ?? "", / "\/reset" "\/T"/);
  assert.match(
    closing[2] ?? "",
    / "\/inheritance:r" "\/grant:r" "\*S-1-5-32-544:\(OI\)\(CI\)F" "\*S-1-5-18:\(OI\)\(CI\)F" /,
  );
  for (const line of closing) {
    assert.equal(start[start.indexOf(line) + 1], "if errorlevel 1 exit /b 1", line);
  }
  assert.match(start[scheduled] ?? "", / \/TN "Volley agent" \/RU SYSTEM \/XML "%~dp0task\.xml" \/F$/);
  assert.equal(start[scheduled + 1], 'del /q "%~dp0task.xml"');
  assert.match(start[scheduled + 2] ?? "", / \/Run /);
});

test("the task is one that the scheduler takes, and a laptop without its mains goes on, too", async (t) => {
  const folder = testFolder(t);
  const line = (await scriptLines(folder, "start.cmd")).find((text) => text.includes("/Create")) ?? "";
  const machine = doubleMachine({ inPe: false });
  machine.fileAt = (path) => path.replace("%~dp0", `${folder}/staged/`);
  const { program, rest } = splitProgram(line);
  const run = { command: [program, rest] as const, verbatim: true };
  const { exitCode, output } = await windowsTools(machine, allTools()).run(run);
  assert.equal(exitCode, 0, output);
  const task = scheduledTasks(machine).get("Volley agent");
  assert.equal(task?.get("Task/Actions/Exec/Command"), "%SystemRoot%\\Volley\\Agent\\run.cmd");
  assert.equal(task?.get("Task/Settings/DisallowStartIfOnBatteries"), "false");
  assert.equal(task?.get("Task/Settings/StopIfGoingOnBatteries"), "false");
});

test("the task goes when what was handed over is gone, and at no other end of the agent", async (t) => {
  const run = await scriptLines(testFolder(t), "run.cmd");
  const gone = 'if not exist "%~dp0State\\hand-over.json" goto ended';
  const agent = run.indexOf('"%~dp0volley-agent.exe" resume --state "%~dp0State" >nul 2>nul');
  assert.deepEqual(run.slice(agent - 2, agent), [":again", gone]);
  assert.deepEqual(run.slice(agent + 1, agent + 3), ['if "%ERRORLEVEL%"=="194" exit /b 0', gone]);
  const ended = run.indexOf(":ended");
  assert.equal(run[ended - 1], "goto again");
  assert.deepEqual(
    run.flatMap((line, at) => (line.includes("schtasks.exe") ? [at] : [])),
    [ended + 1],
  );
});
