/** A site's task sequence on machines of its own: fetched, run, restarted, killed, told of, and what it must not show. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { MachineRecord } from "../../contract/administration.ts";
import type { StepStatus } from "../../contract/report.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { commandStep, sequenceText, settingStep, step, variable } from "../fixtures/sequence-text.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

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

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);

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
  const copy = `Copy=cp inner/text ${folder}/installed`;
  await volley("package", "add", files, "--id", "ps100012", "--name", "Texts", "--program", copy);
  const secrets = join(folder, "secrets");
  writeFileSync(secrets, "# for the test\nGiven=swordfish=and chips\n", { mode: 0o600 });
  const given = `test "%Given%" = "swordfish=and chips" && echo %Given% && echo %Place% > ${folder}/place`;
  writeFileSync(join(folder, "variables"), "Place=room 3\nAPP01=texts\n");
  const steps = [
    settingStep("Secret", "hunter2-and-more", true),
    commandStep("Given", given),
    commandStep("Take", `cp inner/text ${folder}/taken`, variable("PackageID", "PS100012")),
    step("InstallSoftware", "Install", variable("PackageID", "PS100012") + variable("ProgramName", "copy")),
    step("InstallApplication", "Applications", variable("BaseVariableName", "APP")),
    commandStep("Say", `echo %Secret%; ${env} set Said "%Secret%"`),
    commandStep("Restart", "exit 3010"),
    commandStep("After", `test "%Secret%" = hunter2-and-more && echo %_SMSTSAdvertID% > ${folder}/after`),
  ];
  const added = await deploySteps("first", steps, [
    "--secrets",
    secrets,
    "--variables",
    join(folder, "variables"),
  ]);
  const first = await agentOf("s1");
  await first.exits(restartCode);
  assert.match(first.errorOutput, /^E_RESTART_NEEDED: /);
  assert.equal(readFileSync(join(folder, "taken"), "utf8"), "from the package");
  assert.equal(readFileSync(join(folder, "installed"), "utf8"), "from the package");
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
    "11134 Given 0",
    "11134 Take 0",
    "11134 Install 0",
    "11134 Applications 0",
    "11134 Say 0",
    "11134 Restart 3010",
    "11142 Restart 0",
    "11134 After 0",
    "11143 first 0",
  ]);
  assert.equal(told[6]?.output.trim(), "[redacted]");
  const said = first.output + second.output + everythingIn(first.options.stateFolder);
  const sequenceFile = join(first.options.stateFolder, "deployments", deployment?.id ?? "", "sequence");
  const original = everythingIn(sequenceFile);
  for (const secret of ["hunter2", "swordfish"]) {
    assert.ok(!said.replace(original, "").includes(secret), `${secret} came up at the machine`);
  }
  assert.equal(readFileSync(join(folder, "place"), "utf8"), "room 3\n");
  assert.ok(!JSON.stringify(deployments).includes("swordfish"), "the site shows a secret");
  assert.ok(!readFileSync(join(site.folder, "site.log"), "utf8").includes("hunter2"));
  assert.match(added.hash, /^[0-9a-f]{64}$/);
  await volley("deployment", "close", "first");
});

/** What the site answers `asker` for the checkpoint of the deployment that `of` is at work in. */
async function checkpointAsked(of: AgentProcess, asker: AgentProcess): Promise<string> {
  const [deploymentId = ""] = readdirSync(join(of.options.stateFolder, "deployments"));
  const enrolmentFile = join(asker.options.stateFolder, "enrolment.json");
  const text = await waitFor(() => (existsSync(enrolmentFile) ? readFileSync(enrolmentFile, "utf8") : null), {
    what: "enrolment",
  });
  const { authority, machineId, machineKey } = JSON.parse(text) as Record<string, string>;
  const caller = new HttpsCaller({ host: site.address, port: site.port, authority: authority ?? "" });
  const path = `/api/v1/deployments/${deploymentId}/machines/me/checkpoint`;
  const answer = await caller.call({ path, token: `${machineId}.${machineKey}` });
  caller.close();
  return answer.text;
}

test("killed in a step and with its own checkpoint lost, it goes on from the site's, secrets and all", async () => {
  const folder = folderOf("lost");
  await deploySteps("lost", [
    settingStep("Secret", "hunter2-and-more", true),
    commandStep("Once", `echo once >> ${folder}/%_SMSTSMachineName%`),
    commandStep("Long", `test -e ${folder}/begun && exit 0; touch ${folder}/begun; sleep 60`),
    commandStep("After", `test "%Secret%" = hunter2-and-more && echo after >> ${folder}/%_SMSTSMachineName%`),
  ]);
  const first = await agentOf("l1");
  await waitFor(() => existsSync(join(folder, "begun")), {
    what: "the long step",
    story: () => first.process.story(),
  });
  const shown = async (): Promise<boolean> => (await machine("l1")).step?.name === "Long";
  await waitFor(shown, { what: "the step at the site", story: () => first.process.story() });
  assert.deepEqual((await machine("l1")).step, { number: 3, total: 4, name: "Long" });
  await first.kill();
  const kept = await checkpointAsked(first, first);
  assert.match(kept, /"name":"Once"/);
  assert.match(kept, /"secrets":"[A-Za-z0-9+/]{40}/);
  assert.ok(!kept.includes("hunter2"), "the secret is at the site in clear");
  assert.equal(
    await checkpointAsked(first, await agentOf("l2", { words: ["--once"] })),
    '{"checkpoint":null}',
  );
  rmSync(join(first.options.stateFolder, "deployments"), { recursive: true });
  const second = room.restartAgent(first);
  await second.exits(0);
  assert.equal(readFileSync(join(folder, "l1"), "utf8"), "once\nafter\n");
  await volley("deployment", "close", "lost");
});

const childStep = (name: string, packageId: string): string =>
  `<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="Run ${name}" description=""><action>x</action>` +
  `<defaultVarList>${variable("TsName", name)}${variable("TsPackageID", packageId)}</defaultVarList></subtasksequence>`;

test("children that the site has, by identifier and by name, run in the parent's environment", async () => {
  const folder = folderOf("family");
  const add = async (name: string, steps: string[], ...words: string[]): Promise<void> => {
    const file = join(folder, `${name}.xml`);
    writeFileSync(file, sequenceText(...steps));
    await volley("sequence", "add", file, ...words);
  };
  await add("Grandchild", [
    commandStep("Third", `echo grandchild %A% >> ${folder}/log`),
    settingStep("B", "back"),
  ]);
  const inner = [
    commandStep("Second", `echo child %A% >> ${folder}/log`),
    childStep("Grandchild", "ABC00009"),
  ];
  await add("Drivers", inner, "--id", "abc00001");
  await assert.rejects(add("Other", inner, "--id", "ABC00001"), /E_CONFLICT/);
  const steps = [
    settingStep("A", "given"),
    childStep("OSD - Drivers", "ABC00001"),
    commandStep("Last", `echo parent %B% >> ${folder}/log`),
  ];
  await deploySteps("family", steps, ["--children", "Drivers,Grandchild"]);
  const agent = await agentOf("h1");
  await agent.exits(0);
  assert.equal(readFileSync(join(folder, "log"), "utf8"), "child given\ngrandchild given\nparent back\n");
  const told = (await statuses("family", "h1")).filter(({ messageId }) => messageId === 11_134);
  const actions = told.map(({ action }) => action);
  assert.deepEqual(actions, ["Set A", "Second", "Third", "Set B", "Last"]);
  await assert.rejects(volley("sequence", "remove", "Grandchild"), /E_CONFLICT.*family/);
  await volley("deployment", "close", "family");
  await volley("deployment", "create", "orphans", "--sequence", "family", "--children", "Drivers");
  await room.restartAgent(agent).exits(66);
  assert.equal((await machine("h1")).error?.detail.includes('child sequence "Grandchild" (ABC00009'), true);
  await volley("deployment", "close", "orphans");
});

test("a machine's own variables count over the deployment's, and what is set at run time over both", async () => {
  const folder = folderOf("device");
  const lines = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const early = await agentOf("v1", { words: ["--once"] });
  await waitFor(async () => (await site.machine("v1")) !== undefined, { what: "the machine" });
  const own = [
    "--variables",
    lines("own", "B=device\nC=device\n"),
    "--secrets",
    lines("own-secret", "S=s3same\n"),
  ];
  assert.equal(await volley("machine", "variables", "v1", ...own), "B=device\nC=device\nS=(hidden)\n");
  const steps = [
    settingStep("C", "run"),
    commandStep("Look", `echo %A% %B% %C% > ${folder}/out; test "$(echo "%S%" | wc -c)" = 7`),
  ];
  const collection = lines("collection", "A=collection\nB=collection\nC=collection\n");
  await deploySteps("device", steps, ["--variables", collection, "--machines", "v1"]);
  await early.exits(0);
  assert.equal(readFileSync(join(folder, "out"), "utf8"), "collection device run\n");
  assert.ok(!(early.output + everythingIn(early.options.stateFolder)).includes("s3same"));
  assert.equal(await volley("machine", "variables", "v1", "--clear"), "");
  await volley("deployment", "close", "device");
});

test("a failure is told with its step and code, and the next run begins anew", async () => {
  const folder = folderOf("fails");
  await deploySteps("fails", [
    commandStep("Counts", `echo x >> ${folder}/log`),
    commandStep("Fails", `test -e ${folder}/mended || exit 5`),
  ]);
  const first = await agentOf("f1");
  await first.exits(1);
  const { error, state } = await machine("f1");
  assert.equal(state, "failed");
  assert.equal(error?.code, "E_SEQUENCE_FAILED");
  assert.equal(error.detail, '"Fails" ended with 0x00000005');
  assert.match(
    await volley("sequence", "status", "fails", "f1"),
    /Fails +0x00000005 +11135 failed executing/,
  );
  writeFileSync(join(folder, "mended"), "");
  await room.restartAgent(first).exits(0);
  assert.equal(readFileSync(join(folder, "log"), "utf8"), "x\nx\n");
  assert.equal((await machine("f1")).state, "succeeded");
  await volley("deployment", "close", "fails");
});

test("a file that is not what the policy names is not run, and a package not given out is not had", async () => {
  const folder = folderOf("wrong");
  writeFileSync(join(folder, "file"), "x");
  await volley("package", "add", join(folder, "file"), "--id", "PS100099");
  const fetch = step("DownloadPackageContent", "Fetch", variable("DownloadPackages", "PS100099"));
  const { bytes, id } = await deploySteps("wrong", [fetch], ["--packages", "PS100012"]);
  const first = await agentOf("w1");
  await first.exits(1);
  assert.match(first.output, /E_FORBIDDEN: Deployment wrong does not give out package PS100099/);
  const file = join(site.folder, "files", id);
  const changed = readFileSync(file, "utf8").replace("Fetch", "Fetxh");
  assert.equal(changed.length, bytes);
  writeFileSync(file, changed);
  rmSync(join(first.options.stateFolder, "deployments"), { recursive: true });
  const second = room.restartAgent(first);
  await second.exits(65);
  assert.match(second.errorOutput, /E_CONTENT_CORRUPT: Task sequence "wrong"/);
  await volley("deployment", "close", "wrong");
});

test("with --allow-restart the machine is restarted, and only then", async () => {
  const folder = folderOf("restart");
  const fake = join(folder, "systemctl");
  writeFileSync(fake, `#!/bin/sh\necho "$@" > ${folder}/asked\n`);
  chmodSync(fake, 0o755);
  const restart = step(
    "Reboot",
    "Restart Computer",
    variable("Target", "HD") + variable("Message", "Back in a moment"),
  );
  await deploySteps("restart", [restart]);
  const environment = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  const first = await agentOf("r1", { environment });
  await first.exits(restartCode);
  assert.ok(!existsSync(join(folder, "asked")));
  const other = await agentOf("r2", { environment, words: ["--once", "--yes", "--allow-restart"] });
  await other.exits(restartCode);
  assert.equal(readFileSync(join(folder, "asked"), "utf8"), "reboot\n");
  assert.match(other.output, /Back in a moment/);
  await room.restartAgent(other).exits(0);
  await volley("deployment", "close", "restart");
});

test("user state goes to the site encrypted, and comes back in a later deployment of the machine", async () => {
  const folder = folderOf("state");
  const request = (kind: string): string =>
    step("RequestStateStore", `Request ${kind}`, variable("RequestType", kind));
  const release = step("ReleaseStateStore", "Release", "");
  await deploySteps("save", [
    request("capture"),
    commandStep(
      "Fill",
      "mkdir %OSDStateStorePath%/inner && echo a-letter-home > %OSDStateStorePath%/inner/file",
    ),
    release,
  ]);
  const first = await agentOf("u1");
  await first.exits(0);
  await volley("deployment", "close", "save");
  const stored = readdirSync(join(site.folder, "files"))
    .map((name) => readFileSync(join(site.folder, "files", name)))
    .filter((bytes) => bytes.subarray(0, 8).toString("latin1") === "VOLSTATE");
  assert.equal(stored.length, 1, "what is stored is not encrypted, or not there");
  await deploySteps("restore", [
    request("restore"),
    commandStep("Look", `cp %OSDStateStorePath%/inner/file ${folder}/back`),
    release,
  ]);
  await room.restartAgent(first).exits(0);
  assert.equal(readFileSync(join(folder, "back"), "utf8"), "a-letter-home\n");
  const stranger = await agentOf("u2");
  await stranger.exits(1);
  assert.match(stranger.output, /No user state of this machine is kept/);
  await volley("deployment", "close", "restore");
});

test("a site that goes away holds up no step, and hears of them all when it is back", async () => {
  const folder = folderOf("away");
  await deploySteps("away", [
    commandStep("Wait", `touch ${folder}/begun; until test -e ${folder}/go; do sleep 0.1; done`),
    settingStep("Later", "set while nobody answers"),
    commandStep("Done", `echo "%Later%" > ${folder}/done`),
  ]);
  const agent = await agentOf("a1");
  await waitFor(() => existsSync(join(folder, "begun")), { what: "the first step" });
  await site.kill();
  writeFileSync(join(folder, "go"), "");
  await waitFor(() => existsSync(join(folder, "done")), { what: "the last step" });
  await site.start();
  await agent.exits(0);
  assert.equal(agent.output.match(/A second place does not take the checkpoint/g)?.length, 1);
  const told = await statuses("away", "a1");
  assert.deepEqual(
    told.map(({ action, messageId }) => `${messageId} ${action}`),
    ["11140 away", "11134 Wait", "11134 Set Later", "11134 Done", "11143 away"],
  );
  await volley("deployment", "close", "away");
});
