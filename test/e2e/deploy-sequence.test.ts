/** A site's task sequence on machines of its own: fetched, run, restarted, killed, told of, and what it must not show. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { MachineRecord } from "../../contract/administration.ts";
import type { StepStatus } from "../../contract/report.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { commandStep, sequenceText, settingStep, variable } from "../fixtures/sequence-text.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const program = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const agentProgram = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const env = `"${process.execPath}" "${agentProgram}" env`;
const restartCode = 194;

let room: Room;
let site: SiteProcess;
before(async () => {
  room = await openRoom("sequence");
  site = await room.startSite();
});
after(() => room.close());

async function volley(...words: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...words, "--data", site.folder]);
  let [out, errors] = ["", ""];
  child.stdout.on("data", (piece) => (out += String(piece)));
  child.stderr.on("data", (piece) => (errors += String(piece)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`volley ${words.join(" ")} ended with ${String(code)}: ${errors}`);
  return out;
}

/** A folder of this test's own, in which its sequence is. */
function folderOf(name: string): string {
  const folder = join(room.folder, name);
  mkdirSync(folder);
  return folder;
}

async function deploySteps(name: string, steps: string[], words: string[] = []): Promise<SequenceRecord> {
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, sequenceText(...steps));
  const added = JSON.parse(await volley("sequence", "add", file, "--name", name, "--json")) as SequenceRecord;
  await volley("deployment", "create", name, "--sequence", name, ...words);
  return added;
}

const agentOf = (name: string, more: object = {}): Promise<AgentProcess> =>
  room.startAgent(site, { name, disk: null, ...more });

async function machine(name: string): Promise<MachineRecord> {
  const found = await site.machine(name);
  assert.ok(found, `${name} is not enrolled`);
  return found;
}

async function statuses(deployment: string, name: string): Promise<StepStatus[]> {
  return JSON.parse(await volley("sequence", "status", deployment, name, "--json")) as StepStatus[];
}

function everythingIn(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

test("with a package, a secret and a restart: it goes on after it, and the site hears of every step", async () => {
  const folder = folderOf("first");
  const files = join(folder, "package");
  mkdirSync(join(files, "inner"), { recursive: true });
  writeFileSync(join(files, "inner", "text"), "from the package");
  await volley("package", "add", files, "--id", "ps100012");
  const added = await deploySteps("first", [
    settingStep("Secret", "hunter2-and-more", true),
    commandStep("Take", `cp inner/text ${folder}/taken`, variable("PackageID", "PS100012")),
    commandStep("Say", `echo %Secret%; ${env} set Said "%Secret%"`),
    commandStep("Restart", "exit 3010"),
    commandStep("After", `test "%Secret%" = hunter2-and-more && echo %_SMSTSAdvertID% > ${folder}/after`),
  ]);
  const first = await agentOf("s1");
  await first.exits(restartCode);
  assert.match(first.errorOutput, /^E_RESTART_NEEDED: /);
  assert.equal(readFileSync(join(folder, "taken"), "utf8"), "from the package");
  assert.equal((await machine("s1")).state, "working");
  const second = room.restartAgent(first);
  await second.exits(0);
  const deployments = await site.client.get<{ id: string; name: string }[]>("/deployments");
  const deployment = deployments.find(({ name }) => name === "first");
  assert.equal(readFileSync(join(folder, "after"), "utf8").trim(), deployment?.id);
  assert.equal((await machine("s1")).state, "succeeded");
  const told = await statuses("first", "s1");
  const texts = told.map(({ action, exitCode, messageId }) => `${messageId} ${action} ${exitCode}`);
  assert.deepEqual(texts, [
    "11140 first 0",
    "11134 Set Secret 0",
    "11134 Take 0",
    "11134 Say 0",
    "11134 Restart 3010",
    "11142 Restart 0",
    "11134 After 0",
    "11143 first 0",
  ]);
  assert.equal(told[3]?.output.trim(), "[redacted]");
  const said = first.output + second.output + everythingIn(first.options.stateFolder);
  const sequenceFile = join(first.options.stateFolder, "deployments", deployment?.id ?? "", "sequence");
  const original = everythingIn(sequenceFile);
  assert.ok(!said.replace(original, "").includes("hunter2"), "the secret came up at the machine");
  assert.ok(!readFileSync(join(site.folder, "site.log"), "utf8").includes("hunter2"));
  assert.match(added.hash, /^[0-9a-f]{64}$/);
  await volley("deployment", "close", "first");
});
