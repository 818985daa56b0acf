/**
 * The shipped task sequences in a Linux PE on a loop device: Windows from a WIM of the site, a block image of the site
 * by multicast onto a partition, and a capture that becomes a package. Needs root. What takes a Windows that runs
 * (Setup Windows and what follows it) is not here.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SessionRecord } from "../../contract/administration.ts";
import { errors } from "../../contract/errors.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import type { StepStatus } from "../../contract/report.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { firstSector } from "../fixtures/disk-image.ts";
import { firstDifference } from "../fixtures/images.ts";
import { loopDisk, type LoopDisk } from "../fixtures/loop-disk.ts";
import { writeHive } from "../fixtures/hives.ts";
import { linuxPe } from "../fixtures/pe.ts";
import { waitFor } from "../fixtures/program.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { commandStep, partitions, sequenceText, step, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { writeWim, writeWindows } from "../fixtures/windows-image.ts";

const program = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const shipped = fileURLToPath(new URL("../../../docs/sequences/", import.meta.url));

let room: Room;
let site: SiteProcess;
let disk: LoopDisk;
let takeDown = (): unknown => undefined;
before(async () => {
  disk = loopDisk({ after: (work) => (takeDown = work as () => unknown) }, { megabytes: 1400 });
  room = await openRoom("bare metal");
  site = await room.startSite();
  // Every machine of these tests is this computer: its numbers tell them apart as little as a dock's.
  const macs = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ mac }) => mac) ?? []);
  await volley("pxe", "set", "--ignore-macs", [...new Set(macs)].join(","));
  const uuid = "/sys/class/dmi/id/product_uuid";
  if (existsSync(uuid)) await volley("pxe", "set", "--ignore-uuids", readFileSync(uuid, "utf8").trim());
});
after(async () => {
  await room.close();
  takeDown();
});

async function volley<Answer>(...words: string[]): Promise<Answer> {
  const child = spawn(process.execPath, [program, ...words, "--data", site.folder, "--json"]);
  let [out, complaint] = ["", ""];
  child.stdout.on("data", (piece) => (out += String(piece)));
  child.stderr.on("data", (piece) => (complaint += String(piece)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`volley ${words.join(" ")} ended with ${String(code)}: ${complaint}`);
  return JSON.parse(out) as Answer;
}

async function deploy(name: string, text: string, words: string[] = []): Promise<void> {
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, text);
  await volley("sequence", "add", file);
  await volley("deployment", "create", name, "--sequence", name, ...words);
}

/** An agent in a PE, on the loop device. */
async function agentInPe(name: string): Promise<AgentProcess> {
  const folder = join(room.folder, `pe-${name}`);
  mkdirSync(folder);
  return room.startAgent(site, { name, disk: disk.path, prefix: linuxPe(folder, "uefi") });
}

/** Of the disk's partition of that number, what `look` finds in it. */
function inPartition<Found>(number: number, look: (folder: string) => Found): Found {
  const folder = join(room.folder, "look");
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", ["-o", "ro", "-t", "ntfs-3g", `${disk.path}p${number}`, folder]);
  try {
    return look(folder);
  } finally {
    execFileSync("umount", [folder]);
  }
}

/** Of a device that no computer has. */
const driverFile = `[Version]
Signature="$WINDOWS NT$"
Class=Net
ClassGuid={4d36e972-e325-11ce-bfc1-08002be10318}
Provider=%Us%
DriverVer=01/02/2026,1.2.3.4
[Manufacturer]
%Us%=Models,NTamd64
[Models.NTamd64]
%Card%=Install,PCI\\VEN_FFFE&DEV_FFFE
[Strings]
Us="Us"
Card="Card"
`;

const completed = (statuses: StepStatus[]): string[] =>
  statuses.filter(({ messageId }) => messageId === 11_134).map(({ action }) => action);

test("bare metal: the disk partitioned, Windows applied from the site's WIM, its settings and boot files there", async () => {
  const windows = join(room.folder, "windows");
  writeWindows(windows, "of the site");
  writeHive(join(windows, "Windows/System32/config/SYSTEM"), "[HKEY_LOCAL_MACHINE\\TEST\\Select]\n");
  const wim = join(room.folder, "windows.wim");
  writeWim(wim, [windows]);
  await volley("package", "add", wim, "--id", "VOL00001");
  const drivers = join(room.folder, "drivers");
  mkdirSync(drivers);
  writeFileSync(join(drivers, "card.inf"), driverFile);
  await volley("package", "add", drivers, "--id", "DRV00001", "--drivers", "Network");
  const text = readFileSync(join(shipped, "bare-metal.xml"), "utf8");
  // There is no agent for Windows yet that could be staged.
  const here = text.replace('name="Setup Windows"', 'name="Setup Windows" disable="true"');
  assert.notEqual(here, text);
  await deploy("bare-metal", here);
  const agent = await agentInPe("b1");
  await agent.exits(0, 240_000);
  assert.deepEqual(completed(await volley("sequence", "status", "bare-metal", "b1")), [
    "Partition Disk 0 - UEFI",
    "Apply Operating System",
    "Apply Windows Settings",
    "Apply Network Settings",
    "Apply Device Drivers",
  ]);
  assert.doesNotMatch(
    agent.log,
    /Package DRV00001 is here/,
    "a package that no device needs does not travel",
  );
  inPartition(3, (folder) => {
    assert.equal(readFileSync(join(folder, "Users/Public/marker.txt"), "utf8"), "of the site");
    const answers = readFileSync(join(folder, "Windows/Panther/Unattend/Unattend.xml"), "utf8");
    assert.match(answers, /<ComputerName>b1<\/ComputerName>/);
    assert.match(answers, /<JoinWorkgroup>WORKGROUP<\/JoinWorkgroup>/);
  });
  await volley("deployment", "close", "bare-metal");
});

test("capture: the Windows on the disk becomes a package at the site, which wimlib finds whole", async () => {
  await deploy("capture", readFileSync(join(shipped, "capture.xml"), "utf8"));
  const agent = await agentInPe("c1");
  await agent.exits(0, 240_000);
  const packages = await volley<PackageRecord[]>("package", "list");
  const captured = packages.find(({ packageId }) => packageId === "CAP00001");
  assert.equal(captured?.kind, "file");
  assert.equal(captured.name, "c1 image");
  const file = libraryFile(captured.bytes);
  execFileSync("wimlib-imagex", ["verify", file], { stdio: "ignore" });
  const marker = execFileSync("wimlib-imagex", [
    "extract",
    file,
    "1",
    "Users/Public/marker.txt",
    "--to-stdout",
  ]);
  assert.equal(marker.toString(), "of the site");
  await volley("deployment", "close", "capture");
});

/** The file of the site's library with so many bytes. */
function libraryFile(bytes: number): string {
  const folder = join(site.folder, "files");
  const out = execFileSync("find", [folder, "-type", "f", "-size", `${bytes}c`], { encoding: "utf8" });
  return out.trim();
}

test("refresh: begun in the full system and taken up in the PE, the partitions stay and the volume is emptied", async () => {
  const folder = join(room.folder, "look");
  execFileSync("mount", ["-t", "ntfs-3g", `${disk.path}p3`, folder]);
  writeFileSync(join(folder, "left-behind"), "of the old system");
  execFileSync("umount", [folder]);
  const partitionsBefore = execFileSync("sfdisk", ["--dump", disk.path], { encoding: "utf8" });
  let text = readFileSync(join(shipped, "refresh.xml"), "utf8");
  // What only a Windows can do, or takes an agent for it.
  for (const name of ["Capture Windows Settings", "Capture User Files and Settings", "Setup Windows"]) {
    const written = text;
    text = text.replace(`Action" name="${name}"`, `Action" disable="true" name="${name}"`);
    assert.notEqual(text, written);
  }
  text = text.replace('<group name="Restore User', '<group disable="true" name="Restore User');
  // Nothing is to be put on the disk of the computer that runs this test: the power fails there instead.
  const cut = join(room.folder, "power-fails");
  const restart = /<step type="SMS_TaskSequence_RebootAction" name="Restart in Windows PE"[^]*?<\/step>/;
  assert.match(text, restart);
  const waits = `test -e ${cut} || { touch ${cut}; sleep 600; }`;
  text = text.replace(restart, commandStep("Restart in Windows PE", waits));
  await deploy("refresh", text);
  const first = await room.startAgent(site, { name: "b2", disk: disk.path });
  await waitFor(() => existsSync(cut) || null, { what: "the last step in the full system", timeMs: 120_000 });
  await first.kill();
  const pe = join(room.folder, "pe-b2");
  mkdirSync(pe);
  const second = room.restartAgent(first, { prefix: linuxPe(pe, "uefi") });
  await second.exits(0, 240_000);
  assert.deepEqual(completed(await volley("sequence", "status", "refresh", "b2")), [
    "Capture Network Settings",
    "Request State Store",
    "Release State Store",
    "Restart in Windows PE",
    "Apply Operating System",
    "Apply Windows Settings",
    "Apply Network Settings",
    "Apply Device Drivers",
  ]);
  assert.equal(execFileSync("sfdisk", ["--dump", disk.path], { encoding: "utf8" }), partitionsBefore);
  inPartition(3, (root) => {
    assert.equal(readFileSync(join(root, "Users/Public/marker.txt"), "utf8"), "of the site");
    assert.ok(!existsSync(join(root, "left-behind")), "the volume was not emptied");
  });
  await volley("deployment", "close", "refresh");
});

test("two block images in one sequence, each by a session of its own onto its partition, bit for bit", async () => {
  const images = [
    { name: "data", id: "VOL00009", ...(await room.makeImage(64)) },
    { name: "more data", id: "VOL00010", ...(await room.makeImage(24)) },
  ];
  for (const { id, name, path } of images) {
    await site.importImage(path, name);
    await volley("package", "image", name, "--id", id);
  }
  const sizes = [
    ["64", "MB", "Disk0"],
    ["24", "MB", "Disk1"],
    ["100", "PERCENT", "Disk2"],
  ] as const;
  const apply = images.map(({ id }, index) =>
    step(
      "ApplyDataImage",
      `Apply ${index}`,
      variable("ImagePackageID", id) + variable("DestinationVariable", `Disk${index}`),
    ),
  );
  await deploy("data", sequenceText(step("PartitionDisk", "Partition", partitions(...sizes)), ...apply));
  const agent = await agentInPe("d1");
  await agent.exits(0, 240_000);
  for (const [index, { name, path }] of images.entries()) {
    assert.equal(await firstDifference(path, `${disk.path}p${index + 1}`), -1, name);
    const said = `Image "${name}" is on the disk and verified [^(]*\\([1-9][\\d.]* MB by multicast`;
    assert.match(agent.log, new RegExp(said));
  }
  const sessions = await site.client.get<SessionRecord[]>("/sessions");
  const ours = sessions.filter(({ imageName }) => images.some(({ name }) => name === imageName));
  assert.equal(new Set(ours.map(({ deploymentId }) => deploymentId)).size, 1);
  assert.deepEqual(ours.map(({ imageName }) => imageName).toSorted(), ["data", "more data"]);
  await assert.rejects(volley("image", "remove", "more data"), /E_IMAGE_IN_USE/);
  await volley("deployment", "close", "data");
});

test("an image that cannot go where the sequence means it to is refused before the disk is touched", async () => {
  const image = join(room.folder, "whole.raw");
  execFileSync("truncate", ["--size", "24M", image]);
  execFileSync("sfdisk", ["--quiet", image], { input: "label: gpt\nsize=8MiB, type=uefi\n" });
  await site.importImage(image, "whole");
  await volley("package", "image", "whole", "--id", "VOL00011");
  const untouched = firstSector(disk.path);
  const where = variable("ImagePackageID", "VOL00011") + variable("DestinationVariable", "Disk0");
  const steps = [
    step("PartitionDisk", "Partition", partitions(["100", "PERCENT", "Disk0"])),
    step("ApplyDataImage", "Apply the data", where),
  ];
  await deploy("foreseen", sequenceText(...steps));
  const agent = await agentInPe("f1");
  await agent.exits(errors.E_IMAGE_KIND.exitCode, 240_000);
  const why = /Step "Apply the data" cannot do its work: Image VOL00011 is a whole disk's/;
  assert.match(agent.errorOutput, /^E_IMAGE_KIND: /m);
  assert.match(agent.log, why);
  const told = await site.machine("f1");
  assert.equal(told?.state, "failed");
  assert.equal(told.error?.code, "E_IMAGE_KIND");
  assert.match(told.error.detail, why);
  assert.ok(firstSector(disk.path).equals(untouched));
  await volley("deployment", "close", "foreseen");
});

const holds = (expression: string): string =>
  `<condition><operator type="and">${expression}</operator></condition>`;
const expression = (type: string, values: Record<string, string>): string => {
  const variables = Object.entries(values).map(
    ([name, value]) => `<variable name="${name}">${value}</variable>`,
  );
  return `<expression type="SMS_TaskSequence_${type}ConditionExpression">${variables.join("")}</expression>`;
};

test("after a restart a condition sees the file and the registry of a volume that no step has mounted yet", async () => {
  const marker = expression("File", { Path: "%OSDisk%\\Users\\Public\\marker.txt" });
  const key = {
    KeyPath: "HKEY_LOCAL_MACHINE\\SYSTEM\\Select",
    Operator: "exists",
    Value: "",
    Data: "",
    Type: "",
  };
  const conditional = (name: string, what: string): string =>
    step("SetVariable", name, variable("VariableName", "A") + variable("VariableValue", "1")).replace(
      "</step>",
      `${holds(what)}</step>`,
    );
  const applied = variable("ImagePackageID", "VOL00001") + variable("DestinationVariable", "OSDisk");
  await deploy(
    "conditions",
    sequenceText(
      step("PartitionDisk", "Partition", partitions(["100", "PERCENT", "OSDisk"])),
      step("ApplyDataImage", "Apply", applied),
      commandStep("Restart", "exit 3010"),
      conditional("File", marker),
      conditional("Registry", expression("Registry", key)),
      conditional("Nothing", marker.replace("marker", "no-marker")),
    ),
  );
  const first = await agentInPe("k1");
  await first.exits(194, 240_000);
  const pe = join(room.folder, "pe-k1-again");
  mkdirSync(pe);
  await room.restartAgent(first, { prefix: linuxPe(pe, "uefi") }).exits(0, 240_000);
  const done = completed(await volley("sequence", "status", "conditions", "k1"));
  assert.deepEqual(done, ["Partition", "Apply", "Restart", "File", "Registry"]);
  await volley("deployment", "close", "conditions");
});
