/** The two steps that put drivers into an applied Windows, and this machine's devices. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { applyDriverPackage } from "../../../../agent/steps/apply-driver-package.ts";
import { autoApplyDrivers } from "../../../../agent/steps/auto-apply-drivers.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { installDrivers } from "../../../../agent/steps/drivers/install.ts";
import type { DriverFile } from "../../../../agent/steps/drivers/rank.ts";
import { driverTarget } from "../../../../agent/steps/drivers/target.ts";
import { linuxDevices } from "../../../../agent/steps/linux/devices.ts";
import type { DeviceFacts } from "../../../../agent/steps/services.ts";
import { checkAnswerFile } from "../../../../agent/steps/unattend/answer-file.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { parseXml } from "../../../../agent/steps/xml/document.ts";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { writeHive } from "../../../fixtures/hives.ts";
import { testContext, type TestContext } from "../../../fixtures/step-context.ts";
import { fakeProgram } from "../../../fixtures/windows-image.ts";
import { dism } from "../../../fixtures/windows-tools/dism.ts";
import {
  doubleMachine,
  doublePartition,
  windowsTools,
  type DoubleDisk,
} from "../../../fixtures/windows-tools/machine.ts";
import { windowsVolume } from "../../../fixtures/windows-volume.ts";
import { inf, networkCard } from "../../../fixtures/inf-text.ts";

interface Room {
  folder: string;
  answerFile: string;
  context(system: SystemName, properties: Record<string, string>, devices?: DeviceFacts[]): TestContext;
  machine: ReturnType<typeof doubleMachine>;
}

function makeRoom(t: Test): Room {
  const folder = testFolder(t);
  const windows = join(folder, "c", "Windows");
  mkdirSync(join(windows, "System32", "config"), { recursive: true });
  writeFileSync(join(windows, "System32", "ntoskrnl.exe"), fakeProgram());
  const put = (path: string, content: string): void => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  put("net/old/net.inf", inf({ date: "01/01/2019" }));
  put("net/old/net.cat", "");
  put("net/new/net.inf", inf({ date: "01/01/2023" }));
  put("net/new/Net.CAT", "");
  put("net/new/net.sys", "driver");
  put("net/unsigned/net.inf", inf({ date: "01/01/2024" }));
  put("net/other/notes.inf", "no driver");
  put("video/video.inf", inf({ hardwareIds: "PCI\\VEN_10DE" }));
  const applied = { fileSystem: "ntfs", letter: "C", holdsWindows: true };
  const partitions = [doublePartition({ kind: "primary", sizeMegabytes: 500, ...applied })];
  const disk: DoubleDisk = { sizeMegabytes: 64_000, style: "gpt", dynamic: false, partitions };
  const machine = doubleMachine({ disks: [disk] });
  return {
    folder,
    machine,
    answerFile: join(windows, "Panther", "Unattend", "Unattend.xml"),
    context: (system, properties, devices = [networkCard]) =>
      testContext({
        properties,
        system,
        variables: { OSDTargetSystemDrive: "C:" },
        packages: { NET00001: join(folder, "net"), VID00001: join(folder, "video") },
        ...(system === "winpe" && { tools: windowsTools(machine, { "dism.exe": dism }) }),
        services: {
          folders: { work: join(folder, "work"), driveRoot: () => join(folder, "c") },
          devices: { list: () => Promise.resolve(devices) },
          driverCatalogue: {
            packages: (categories) =>
              Promise.resolve(
                [
                  { packageId: "NET00001", name: "Network", category: "Net" },
                  { packageId: "VID00001", name: "Video", category: "Display" },
                ].filter(({ category }) => categories.length === 0 || categories.includes(category)),
              ),
          },
        },
      }),
  };
}

interface Proof {
  devices: { device: string; candidates: { inf: string; rank: string }[] }[];
}

test("Auto Apply Drivers in Windows PE: the best driver of each device by DISM, with the list that proves it", async (t) => {
  const room = makeRoom(t);
  const rows: [string, Record<string, string>, string[]][] = [
    ["best", {}, ["net/new/net.inf"]],
    ["best, signed alone", { UnsignedDriver: "false" }, ["net/new/net.inf"]],
    ["all", { BestMatch: "false" }, ["net/new/net.inf", "net/old/net.inf", "net/unsigned/net.inf"]],
    ["a category that has none", { CategoryList: "Display" }, []],
  ];
  for (const [name, properties, wanted] of rows) {
    room.machine.done.length = 0;
    const outcome = await autoApplyDrivers.perform(room.context("winpe", properties));
    assert.equal(outcome.exitCode, 0, `${name}: ${outcome.text} ${outcome.output}`);
    const added = room.machine.done.map((line) => line.replace(`add-driver ${room.folder}/`, ""));
    assert.deepEqual(added, wanted, name);
  }
  const context = room.context("winpe", {});
  await autoApplyDrivers.perform(context);
  const text = readFileSync(join(room.folder, "c/_SMSTaskSequence/Drivers/drivers.json"), "utf8");
  const proof = JSON.parse(text) as Proof;
  assert.deepEqual(
    proof.devices[0]?.candidates.map(({ inf: path }) => path.replace(`${room.folder}/net/`, "")),
    ["new/net.inf", "old/net.inf", "unsigned/net.inf"],
  );
  assert.match(context.lines.join("\n"), /Ethernet .*new\/net\.inf, rank 0x/);
  // And the site hears of it, in the step's status.
  assert.match(
    (await autoApplyDrivers.perform(context)).output,
    /^Ethernet .*new\/net\.inf, rank 0x.* 2 others fit less$/,
  );
});

test("unsupported where there is a running system", async (t) => {
  const room = makeRoom(t);
  for (const system of ["windows", "linux"] as const) {
    for (const kind of [autoApplyDrivers, applyDriverPackage]) {
      assert.equal((await kind.perform(room.context(system, {}))).exitCode, codes.notSupported);
    }
  }
});

test("Apply Driver Package in Windows PE: each INF, or DISM over the folder", async (t) => {
  const room = makeRoom(t);
  const perform = async (properties: Record<string, string>, packageId = "NET00001") => {
    room.machine.done.length = 0;
    return applyDriverPackage.perform(room.context("winpe", { DriverPackageID: packageId, ...properties }));
  };
  assert.equal((await perform({})).exitCode, 0);
  assert.equal(room.machine.done.length, 3);
  assert.equal((await perform({ UnsignedDriver: "false" })).exitCode, 0);
  assert.equal(room.machine.done.length, 2);
  assert.equal((await perform({ Recurse: "true", AdditionalOptions: "/LogLevel:4" })).exitCode, 0);
  assert.deepEqual(room.machine.done, [`add-driver ${room.folder}/net`]);
  const bad = await perform({ Recurse: "true", AdditionalOptions: "/NoSuchOption" });
  assert.equal(bad.exitCode, 87, "DISM refuses an option it does not have");
  assert.equal((await perform({ UnsignedDriver: "false" }, "VID00001")).exitCode, codes.notFound);
  assert.equal((await perform({}, "NOT00001")).exitCode, codes.fileNotFound);
  assert.equal((await perform({}, "")).exitCode, codes.invalidSetting);
});

test("on Linux the drivers are copied into the applied Windows, which is told to add them", async (t) => {
  const windows = await windowsVolume(t);
  const room = makeRoom(t);
  const root = await hostPath(windows.context(), "C:\\");
  writeHive(
    join(root, "Windows/System32/config/SOFTWARE"),
    '[HKEY_LOCAL_MACHINE\\TEST\\Microsoft\\Windows NT\\CurrentVersion]\n"CurrentBuild"="20348"\n"CurrentMajorVersionNumber"=dword:0000000a\n"CurrentVersion"="6.3"\n"InstallationType"="Server"\n',
  );
  const { content, services = {} } = room.context("linuxpe", {});
  const own: TestContext = windows.context();
  const context: TestContext = { ...own, content, services: { ...services, ...own.services } };
  assert.deepEqual(await driverTarget(context), {
    architecture: "amd64",
    major: 10,
    minor: 0,
    build: 20348,
    productType: 3,
  });
  for (let round = 0; round < 2; round += 1) {
    const outcome = await autoApplyDrivers.perform(context);
    assert.equal(outcome.exitCode, 0, `${outcome.text} ${outcome.output}`);
  }
  const staged = join(root, "_SMSTaskSequence", "Drivers");
  assert.deepEqual(readdirSync(join(staged, "001")).sort(), ["Net.CAT", "net.inf", "net.sys"]);
  assert.ok(existsSync(join(staged, "drivers.json")));
  const answer = readFileSync(join(root, "Windows/Panther/Unattend/Unattend.xml"), "utf8");
  assert.equal(answer.split("pnputil.exe /add-driver").length - 1, 1);
  assert.match(answer, /offlineServicing[^]*<Path>C:\\_SMSTaskSequence\\Drivers</);
  assert.match(
    answer,
    /%SystemDrive%\\_SMSTaskSequence\\Drivers/,
    "whatever letter the volume has in Windows",
  );
  assert.deepEqual(checkAnswerFile(parseXml(answer)), []);
});

test("on Linux the drivers of a second step are beside those of the first, also where files have the same names", async (t) => {
  const windows = await windowsVolume(t);
  const folder = testFolder(t);
  const root = await hostPath(windows.context(), "C:\\");
  const one = windows.context();
  for (const name of ["first", "second"]) {
    const files = [{ path: join(folder, name, "driver.inf") }] as unknown as DriverFile[];
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "driver.inf"), name);
    for (let round = 0; round < 2; round += 1) {
      await installDrivers(one, files, { allowUnsigned: false, proof: name });
    }
  }
  const staged = join(root, "_SMSTaskSequence", "Drivers");
  const folders = readdirSync(staged).filter((name) => /^\d+$/.test(name));
  const found = folders.map((name) => readFileSync(join(staged, name, "driver.inf"), "utf8"));
  assert.deepEqual(found, ["first", "second"]);
  const answer = readFileSync(join(root, "Windows/Panther/Unattend/Unattend.xml"), "utf8");
  assert.equal(answer.split("pnputil.exe /add-driver").length - 1, 1, "one command takes them all");
});

test("this machine's devices, as Windows names them", async (t) => {
  const folder = testFolder(t);
  const put = (path: string, files: Record<string, string>): void => {
    mkdirSync(join(folder, path), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, path, name), `${text}\n`);
  };
  put("bus/pci/devices/0000:00:1f.6", {
    vendor: "0x8086",
    device: "0x15b8",
    subsystem_vendor: "0x1043",
    subsystem_device: "0x85f0",
    revision: "0x31",
    class: "0x020000",
  });
  put("bus/usb/devices/1-1", {
    idVendor: "046d",
    idProduct: "c31c",
    bcdDevice: "6402",
    bDeviceClass: "00",
    bDeviceSubClass: "00",
    bDeviceProtocol: "00",
    product: "Keyboard",
  });
  put("bus/acpi/devices/INT33A1:00", { hid: "INT33A1" });
  const devices = await linuxDevices(folder).list();
  assert.deepEqual(
    devices.map(({ hardwareIds }) => hardwareIds[0]),
    [
      "PCI\\VEN_8086&DEV_15B8&SUBSYS_85F01043&REV_31",
      "USB\\VID_046D&PID_C31C&REV_6402",
      "ACPI\\VEN_INT&DEV_33A1",
    ],
  );
  assert.ok(devices[0]?.compatibleIds.includes("PCI\\VEN_8086&DEV_15B8"));
  assert.ok(devices[1]?.compatibleIds.includes("USB\\Class_00"));
});
