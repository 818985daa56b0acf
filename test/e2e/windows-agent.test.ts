/**
 * volley-agent.exe, the real one, on Wine: small, quick to start, the same from two builds, unsigned; it takes an image by
 * multicast beside a Linux agent, is killed and goes on, and runs a task sequence across a restart.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inflateSync } from "node:zlib";
import { readFileVersion } from "../../agent/platform/file-version.ts";
import { agentVersion } from "../../agent/version.ts";
import { errors } from "../../contract/errors.ts";
import { drawIcon, pngOf } from "../../scripts/packaging/icon.ts";
import type { StepStatus } from "../../contract/report.ts";
import { commandStep, escapeXml, sequenceText, settingStep, variable } from "../fixtures/sequence-text.ts";
import { diskEquals, openRoom, type Room } from "../fixtures/room.ts";
import { startTimes } from "../fixtures/start-times.ts";
import { volley } from "../fixtures/volley-command.ts";
import { openWineTools } from "../fixtures/wine-tools.ts";
import { doubleMachine } from "../fixtures/windows-tools/machine.ts";
import { onDriveC, packageForWindows, runWine, wineAgent, winePath } from "../fixtures/wine.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const mostBytes = 100e6;
/** The plain run has the others. */
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

test("it is one file of at most 100 MB with our version and no signature, and starts", async (t) => {
  assert.ok(statSync(agent).size <= mostBytes, `${statSync(agent).size} bytes`);
  assert.equal(await readFileVersion(agent), `${agentVersion}.0`);
  const verified = run("osslsigncode", ["verify", agent]);
  const { stderr, stdout } = await verified.catch((error: Record<"stderr" | "stdout", string>) => error);
  assert.match(stderr, /No signature found/);
  assert.doesNotMatch(stdout, /invalid PE checksum/);
  const started = await runWine([agent, "--version"], folder);
  assert.equal(started.output.trim(), agentVersion);
  // The second loads the addon, too. What Wine takes by itself is in each.
  for (const command of [
    [agent, "--version"],
    [agent, "identify", "--json"],
    ["cmd", "/c", "ver"],
  ]) {
    const words = ["wine", ...command].join(" ").replace(agent, "volley-agent.exe");
    t.diagnostic(`${words}: ${await startTimes(() => runWine(command, folder))}`);
  }
});

/** "PE Format": each section's bytes by its name. */
function sectionsOf(path: string): Map<string, Buffer> {
  const program = readFileSync(path);
  const header = program.readUInt32LE(0x3c);
  const first = header + 24 + program.readUInt16LE(header + 20);
  const sections = new Map<string, Buffer>();
  for (let index = 0; index < program.readUInt16LE(header + 6); index += 1) {
    const at = first + index * 40;
    const [size, offset] = [program.readUInt32LE(at + 16), program.readUInt32LE(at + 20)];
    const name = program.toString("latin1", at, at + 8).replaceAll("\0", "");
    sections.set(name, program.subarray(offset, offset + size));
  }
  return sections;
}

test("beside the resources and the place that says so, it is Node as its builders made it", () => {
  const node = sectionsOf(join(root, "build/windows-node/node.exe"));
  const ours = sectionsOf(agent);
  assert.deepEqual([...ours.keys()], [...node.keys()]);
  let changed = 0;
  for (const [name, theirs] of node) {
    if (name === ".rsrc") continue;
    const own = ours.get(name) ?? assert.fail(name);
    assert.equal(own.length, theirs.length, name);
    if (own.equals(theirs)) continue;
    for (const [index, byte] of theirs.entries()) if (own[index] !== byte) changed += 1;
  }
  assert.equal(changed, 1);
});

/** "PNG Specification": behind the signature and the header's chunk the one of the picture. */
function pixelsOf(png: Buffer): Buffer {
  assert.equal(png.toString("latin1", 37, 41), "IDAT");
  return inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
}

test("Windows shows our icon in each of its sizes, and our name in the place of Node's", () => {
  const resources = sectionsOf(agent).get(".rsrc") ?? assert.fail(".rsrc");
  for (const side of [16, 24, 32, 48, 64, 256]) {
    const own = pngOf(drawIcon(side), side);
    // Its size comes first; how it is compressed is for the zlib of the Node that packaged it.
    const at = resources.indexOf(own.subarray(0, 33));
    assert.notEqual(at, -1, `the icon of ${side} pixels`);
    assert.ok(pixelsOf(resources.subarray(at)).equals(pixelsOf(own)), `the icon of ${side} pixels`);
  }
  const names = (bytes: Buffer, text: string): boolean => bytes.includes(Buffer.from(text, "utf16le"));
  const theirs = sectionsOf(join(root, "build/windows-node/node.exe")).get(".rsrc");
  assert.ok(theirs !== undefined && names(theirs, "Node.js JavaScript Runtime"));
  assert.ok(names(resources, "Volley agent") && !names(resources, "Node.js JavaScript Runtime"));
});

const addonFolder = (): string => {
  const addon = readFileSync(join(root, "build/windows/volley.node"));
  return `volley-addon-${createHash("sha256").update(addon).digest("hex").slice(0, 32)}`;
};

test("its addon lies below the Windows folder, and what other versions left goes", async () => {
  const place = onDriveC("windows", "Volley");
  const old = join(place, `volley-addon-${"0".repeat(32)}`);
  mkdirSync(old, { recursive: true });
  const longAgo = new Date(Date.now() - 3 * 86_400_000);
  utimesSync(old, longAgo, longAgo);
  const { output } = await runWine([agent, "identify", "--json"], folder);
  assert.equal((JSON.parse(output) as { operatingSystem: string }).operatingSystem, "windows");
  const addon = readFileSync(join(root, "build/windows/volley.node"));
  assert.ok(readFileSync(join(place, addonFolder(), "volley.node")).equals(addon));
  assert.ok(!existsSync(old));
});

test(
  "where that folder fails, an ordinary user alone has the addon in the temporary one",
  { skip },
  async (t) => {
    const windows = doubleMachine({ inPe: false });
    const own = join(folder, "ordinary-user");
    mkdirSync(own);
    const tools = openWineTools(own, windows, ["whoami.exe"]);
    t.after(() => tools.close());
    writeFileSync(join(tools.driveC, "windows", "Volley"), "no folder");
    const temporary = join(tools.driveC, "users", userInfo().username, "Temp");
    const unpacked = (): string[] =>
      readdirSync(temporary).filter((name) => name.startsWith("volley-addon-"));
    const identify = (): ReturnType<typeof runWine> =>
      runWine([agent, "identify", "--json"], own, tools.environment);
    for (const level of [12_288, 16_384]) {
      windows.state.set("integrity level", level);
      const refused = await identify();
      assert.match(refused.story, /E_ADDON: .*C:\\Windows\\Volley/i);
      assert.deepEqual(unpacked(), [], "anybody may have made a folder there");
    }
    windows.state.set("integrity level", 8192);
    const { output, story } = await identify();
    assert.match(output, /"operatingSystem":\s*"windows"/, story);
    assert.deepEqual(unpacked(), [addonFolder()]);
  },
);

test(
  "two builds of the same sources are the same bytes; a certificate of one's own signs it",
  { skip },
  async () => {
    const again = await packageForWindows(join(folder, "deeper", "package"));
    assert.ok(readFileSync(again).equals(readFileSync(agent)), "two builds differ");
    const [key, certificate, bundle] = ["key.pem", "certificate.pem", "own.p12"].map((name) =>
      join(folder, name),
    );
    const password = join(folder, "password");
    writeFileSync(password, "correct horse\n", { mode: 0o600 });
    const request = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=Our school",
      "-days",
      "9",
    ];
    const usage = [
      "-addext",
      "extendedKeyUsage=codeSigning",
      "-keyout",
      key ?? "",
      "-out",
      certificate ?? "",
    ];
    await run("openssl", [...request, ...usage]);
    const pack = ["pkcs12", "-export", "-inkey", key ?? "", "-in", certificate ?? "", "-out", bundle ?? ""];
    await run("openssl", [...pack, "-passout", `file:${password}`]);
    const words = ["--sign", bundle ?? "", "--sign-password-file", password];
    const signed = await packageForWindows(join(folder, "signed"), words);
    const verified = await run("osslsigncode", ["verify", "-CAfile", certificate ?? "", signed]);
    assert.match(verified.stdout, /Signature verification: ok/);
    assert.match(verified.stdout, /Our school/);
    assert.equal((await runWine([signed, "--version"], folder)).output.trim(), agentVersion);
  },
);

test("it takes an image beside a Linux agent, is killed on the way and goes on", async () => {
  const site = await room.startSite();
  const image = await room.makeImage(96);
  const { id, root: hash } = await site.importImage(image.path, "lab");
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
  assert.equal(stdout.trim(), hash);
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
    // Of an earlier run, on the same drive of Wine's.
    rmSync(onDriveC("_SMSTaskSequence"), { recursive: true, force: true });
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
    const documented = onDriveC("_SMSTaskSequence", "Logs", "smstslog", "smsts.log");
    assert.match(readFileSync(documented, "utf8"), /The task sequence has succeeded/);
    assert.doesNotMatch(first.log + first.output + readFileSync(documented, "utf8"), /hunter2/);
    const machine = await site.machine("pc");
    assert.equal(machine?.state, "succeeded");
  },
);
