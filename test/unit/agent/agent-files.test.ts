/** What Setup Windows puts into the Windows that was applied: the agent, this machine's key, and how it goes on. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { agentFiles } from "../../../agent/deploying/agent-files.ts";
import type { Performer } from "../../../agent/deploying/performer.ts";
import { Enrolment } from "../../../agent/site/site-client.ts";
import { openStateFolder } from "../../../agent/state-folder.ts";
import { testFolder } from "../../fixtures/folder.ts";

const enrolment = {
  site: "192.0.2.10:8443",
  authority: "-----BEGIN CERTIFICATE-----",
  machineId: "0b6ef6a1-52cd-4f4c-b6e4-1f6d7a9b0c11",
  machineKey: "ab".repeat(32),
  manifestKey: "key",
};

function performer(yes: boolean): Pick<Performer, "machine" | "platform" | "site" | "siteAddress" | "yes"> {
  const parts = {
    machine: { operatingSystem: "linux-pe" },
    platform: { flushFolder: () => {} },
    site: { enrol: () => Promise.resolve(enrolment) },
    siteAddress: { host: "192.0.2.10", port: 8443 },
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
  const files = agentFiles({ by: performer(true), content, folder: join(folder, "staged") });
  const staged = await files.windows();
  assert.deepEqual(asked, ["VOLLEY-AGENT-WINDOWS"]);
  const read = (name: string): string => readFileSync(join(staged.folder, name), "utf8");
  assert.equal(read("volley-agent.exe"), "the agent");
  assert.equal(read("authority.pem"), enrolment.authority);
  const state = openStateFolder(join(staged.folder, "State"), () => {});
  assert.deepEqual(state.read("enrolment.json", Enrolment), enrolment);
  assert.equal(statSync(join(staged.folder, "State/enrolment.json")).mode & 0o077, 0);
  assert.equal(staged.command, "start.cmd");
  const [, line, ending] = read("run.cmd").split("\r\n");
  assert.equal(
    line,
    '"%~dp0volley-agent.exe" deploy --site https://192.0.2.10:8443 --authority "%~dp0authority.pem" ' +
      '--state "%~dp0State" --once --allow-restart --yes >nul 2>nul',
  );
  assert.equal(ending, 'if not "%ERRORLEVEL%"=="194" schtasks.exe /Delete /TN "Volley agent" /F');
  assert.match(
    read("start.cmd"),
    /\/SC ONSTART \/RU SYSTEM .* \/TR "\\"%~dp0run\.cmd\\""\r\nschtasks\.exe \/Run/,
  );
  for (const script of ["run.cmd", "start.cmd"]) assert.ok(!read(script).includes(enrolment.machineKey));
});

test("nobody is answered for whom nobody answered before; what an earlier try has left is gone", async (t) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "volley-agent.exe"), "the agent");
  mkdirSync(join(folder, "staged"));
  writeFileSync(join(folder, "staged/old"), "");
  const content = { folderOf: () => Promise.resolve(folder) };
  const files = agentFiles({ by: performer(false), content, folder: join(folder, "staged") });
  const staged = await files.windows();
  assert.ok(!readFileSync(join(staged.folder, "run.cmd"), "utf8").includes("--yes"));
  assert.ok(!existsSync(join(staged.folder, "old")));
});
