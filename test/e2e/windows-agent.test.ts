/**
 * volley-agent.exe, the real one, on Wine: small, quick to start, the same from two builds, unsigned; it takes an image by
 * multicast beside a Linux agent, is killed and goes on, and runs a task sequence across a restart.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { readFileVersion } from "../../agent/platform/file-version.ts";
import { agentVersion } from "../../agent/version.ts";
import { errors } from "../../contract/errors.ts";
import type { StepStatus } from "../../contract/report.ts";
import { commandStep, escapeXml, sequenceText, settingStep, variable } from "../fixtures/sequence-text.ts";
import { diskEquals, openRoom, type Room } from "../fixtures/room.ts";
import { volley } from "../fixtures/volley-command.ts";
import { packageForWindows, runWine, wineAgent, winePath } from "../fixtures/wine.ts";

const run = promisify(execFile);
const mostBytes = 100e6;
/** The plain run has the first two of these tests. */
const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";

let folder = "";
let agent = "";
let room: Room;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "volley-windows-"));
  agent = await packageForWindows(join(folder, "package"));
  room = await openRoom("windows agent");
});
after(async () => {
  await room?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("it is one file of at most 100 MB with our version and no signature, and starts", async () => {
  assert.ok(statSync(agent).size <= mostBytes, `${statSync(agent).size} bytes`);
  assert.equal(await readFileVersion(agent), `${agentVersion}.0`);
  const verified = run("osslsigncode", ["verify", agent]);
  const { stderr, stdout } = await verified.catch((error: Record<"stderr" | "stdout", string>) => error);
  assert.match(stderr, /No signature found/);
  assert.doesNotMatch(stdout, /invalid PE checksum/);
  const started = await runWine([agent, "--version"], folder);
  assert.equal(started.output.trim(), agentVersion);
});

test("it takes an image beside a Linux agent, is killed on the way and goes on", async () => {
  const site = await room.startSite();
  const image = await room.makeImage(96);
  const { id, root } = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "room", imageId: id, rateMbps: 160 });
  const linux = await room.startAgent(site, { name: "linux", disk: await room.makeDisk(110) });
  const started = await room.startAgent(site, {
    name: "windows",
    disk: await room.makeDisk(110),
    ...wineAgent(agent, join(folder, "windows.out")),
  });
  await site.waitForPart("windows", 0.3);
  await started.kill();
  const again = room.restartAgent(started);
  await again.exits(0, 240_000);
  await linux.exits(0);
  await diskEquals(again.disk, image);
  const { stdout } = await run("b3sum", ["--no-names", image.path]);
  assert.equal(stdout.trim(), root);
  assert.match(again.log, /is on the disk and verified/);
  assert.match(again.log, /\([1-9][\d.]* MB by multicast.* [1-9]\d* chunks were there/);
  const told = await site.machine("windows");
  assert.equal(told?.facts.operatingSystem, "windows");
  assert.equal(told.state, "succeeded");
});

const registryHolds = (key: string, name: string, data: string): string =>
  expression("Registry", { KeyPath: key, Operator: "equals", Data: data, Type: "REG_SZ", Value: name });
const variableIs = (name: string, value: string): string =>
  expression("Variable", { Operator: "equals", Value: value, Variable: name });
const fileExists = (path: string): string => expression("File", { Path: path });
const query = (text: string): string => expression("WMI", { Namespace: "root\\cimv2", Query: text });

function expression(type: string, variables: Record<string, string>): string {
  const texts = Object.entries(variables).map(
    ([name, value]) => `<variable name="${name}">${escapeXml(value)}</variable>`,
  );
  return `<expression type="SMS_TaskSequence_${type}ConditionExpression">${texts.join("")}</expression>`;
}

/** A step that writes its name to a file where the conditions hold. */
function noting(name: string, ...conditions: string[]): string {
  const line = `cmd.exe /c echo ${name}>>${winePath(join(folder, "notes"))}`;
  const condition = `<condition><operator type="and">${conditions.join("")}</operator></condition>`;
  return commandStep(name, line).replace("</step>", `${condition}</step>`);
}

test(
  "it runs a task sequence: conditions, a package, a restart, and the site hears of it",
  { skip },
  async () => {
    const site = await room.startSite();
    mkdirSync(join(folder, "texts/inner"), { recursive: true });
    writeFileSync(join(folder, "texts/inner/text.txt"), "from the package");
    await volley(site, "package", "add", join(folder, "texts"), "--id", "PS100012");
    const windows = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
    const wine = "HKEY_CURRENT_USER\\Software\\Wine";
    const tell = `"${winePath(agent)}" env set FromStep told >${winePath(join(folder, "told"))} 2>&1`;
    const copy = `cmd.exe /c copy inner\\text.txt ${winePath(join(folder, "taken.txt"))}`;
    const steps = [
      settingStep("Greeting", "hello"),
      settingStep("Secret", "hunter2-and-more", true),
      commandStep("Built in", `echo %Greeting% %Secret%>${winePath(join(folder, "greeting"))}`),
      commandStep("Take", copy, variable("PackageID", "PS100012")),
      commandStep("Tell", `cmd.exe /c "${tell}"`),
      noting("registry", registryHolds(wine, "Version", "win10")),
      noting("not-registry", registryHolds(wine, "Version", "win11")),
      noting("no-key", registryHolds(`${windows}\\No such key`, "Version", "win10")),
      noting("file", fileExists("c:\\WINDOWS\\system32\\NTDLL.dll"), variableIs("Greeting", "HELLO")),
      noting("not-file", fileExists("C:\\Windows\\System32\\nothing.dll")),
      noting("variable", variableIs("FromStep", "told"), variableIs("_SMSTSInWinPE", "false")),
      noting("wmi", query("SELECT * FROM Win32_OperatingSystem WHERE OSArchitecture = '64-bit'")),
      commandStep("Restart", "cmd.exe /c exit 3010"),
      noting("after", variableIs("Greeting", "hello"), variableIs("FromStep", "told")),
    ];
    writeFileSync(join(folder, "sequence.xml"), sequenceText(...steps));
    await volley(site, "sequence", "add", join(folder, "sequence.xml"), "--name", "windows");
    await volley(site, "deployment", "create", "windows", "--sequence", "windows");
    const first = await room.startAgent(site, {
      name: "pc",
      disk: null,
      ...wineAgent(agent, join(folder, "sequence.out")),
    });
    await first.exits(errors.E_RESTART_NEEDED.exitCode, 240_000);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8").trim();
    assert.equal(read("greeting"), "hello hunter2-and-more");
    assert.equal(read("taken.txt"), "from the package");
    assert.deepEqual(read("notes").split(/\s+/), ["registry", "file", "variable", "wmi"]);
    const second = room.restartAgent(first);
    await second.exits(0, 240_000);
    assert.match(read("notes"), /after$/);
    const told = JSON.parse(
      await volley(site, "sequence", "status", "windows", "pc", "--json"),
    ) as StepStatus[];
    const texts = told.map(({ action, exitCode, messageId }) => `${messageId} ${action} ${exitCode}`);
    for (const wanted of [
      "11140 windows 0",
      "11134 Take 0",
      "11134 Restart 3010",
      "11134 after 0",
      "11143 windows 0",
    ]) {
      assert.ok(texts.includes(wanted), `${wanted} in ${texts.join(", ")}`);
    }
    assert.match(
      second.log,
      /<!\[LOG\[The task sequence has succeeded\]LOG\]!><time="[^"]+" date="[^"]+" component="/,
    );
    assert.doesNotMatch(first.log + first.output, /hunter2/);
    const machine = await site.machine("pc");
    assert.equal(machine?.state, "succeeded");
  },
);
