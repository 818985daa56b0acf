/** INF files, the ranking of drivers, and the two steps that put drivers into an applied Windows. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { applyDriverPackage } from "../../../../agent/steps/apply-driver-package.ts";
import { autoApplyDrivers } from "../../../../agent/steps/auto-apply-drivers.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { bestDecoration, decodeInf, parseInf, type InfTarget } from "../../../../agent/steps/drivers/inf.ts";
import { rankDrivers, rankText, type DriverFile } from "../../../../agent/steps/drivers/rank.ts";
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
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";
import { windowsVolume } from "../../../fixtures/windows-volume.ts";

const target: InfTarget = { architecture: "amd64", major: 10, minor: 0, build: 19045, productType: 1 };

interface InfOptions {
  hardwareIds?: string;
  date?: string;
  version?: string;
  catalog?: string;
  decoration?: string;
  feature?: string;
  signature?: string;
}

const inf = ({
  catalog = "net.cat",
  date = "07/15/2021",
  decoration = "NTamd64",
  feature = "",
  hardwareIds = "PCI\\VEN_8086&DEV_15B8",
  signature = "$WINDOWS NT$",
  version = "12.19.1.37",
}: InfOptions = {}): string => `; a driver
[Version]
Signature = "${signature}" ; "quoted ; semicolon"
Class=Net
ClassGUID={4d36e972-e325-11ce-bfc1-08002be10318}
Provider=%Maker%
CatalogFile=${catalog}
DriverVer=${date},${version}

[Manufacturer]
%Maker%=Models, ${decoration}

[Models.${decoration}]
%Card% = Install, \\
  ${hardwareIds}
"Plain, with ""comma""" = Install.Other, PCI\\VEN_1111&DEV_2222

[Install.${decoration}]
${feature === "" ? "" : `FeatureScore=${feature}`}
[Strings]
Maker = "Example ""Inc"""
Card="Example Card"
`;

test("an INF's version and models, strings and continued lines", () => {
  const driver = parseInf(
    Buffer.from(inf({ hardwareIds: "pci\\ven_8086&dev_15b8, PCI\\CC_0200", feature: "40" })),
    target,
  );
  assert.equal(driver.provider, 'Example "Inc"');
  assert.equal(driver.className, "Net");
  assert.equal(driver.classGuid, "{4D36E972-E325-11CE-BFC1-08002BE10318}");
  assert.equal(driver.date, "2021-07-15");
  assert.equal(driver.version, "12.19.1.37");
  assert.equal(driver.catalog, "net.cat");
  assert.deepEqual(driver.models, [
    {
      description: "Example Card",
      installSection: "Install",
      hardwareId: "PCI\\VEN_8086&DEV_15B8",
      compatibleIds: ["PCI\\CC_0200"],
    },
    {
      description: 'Plain, with "comma"',
      installSection: "Install.Other",
      hardwareId: "PCI\\VEN_1111&DEV_2222",
      compatibleIds: [],
    },
  ]);
  assert.equal(driver.featureScores.get("install"), 0x40);
});

test("an INF in UTF-16, UTF-8 and ANSI", () => {
  const text = "[Version]\r\nProvider=\u00e4";
  const swapped = Buffer.from(`\uFEFF${text}`, "utf16le").swap16();
  for (const bytes of [
    Buffer.from(`\uFEFF${text}`, "utf16le"),
    swapped,
    Buffer.from(`\uFEFF${text}`),
    Buffer.from(text, "latin1"),
  ]) {
    assert.equal(decodeInf(bytes), text);
  }
});

test("what is no INF is refused, and nothing in one can do harm", () => {
  const seed = Number(process.env["VOLLEY_SEED"] ?? Date.now());
  console.log(`VOLLEY_SEED=${seed}`);
  for (const text of ["", "[Version]\nSignature=x", "\0\0\0", inf({ signature: "none" })]) {
    assert.throws(() => parseInf(Buffer.from(text), target), { exitCode: codes.invalidData });
  }
  let state = seed % 2147483647 || 1;
  const random = (below: number): number => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const good = Buffer.from(inf());
  for (let round = 0; round < 500; round += 1) {
    const bytes = Buffer.from(good);
    for (let change = 0; change < 8; change += 1) bytes[random(bytes.length)] = random(256);
    try {
      parseInf(bytes.subarray(0, random(bytes.length) + 1), target);
    } catch (error) {
      assert.equal(
        (error as { exitCode?: number }).exitCode,
        codes.invalidData,
        `seed ${seed}: ${String(error)}`,
      );
    }
  }
});

test("decorations: the closest TargetOSVersion that fits", () => {
  const x86: InfTarget = { ...target, architecture: "x86" };
  const rows: [string, string[], InfTarget, string | null][] = [
    ["by architecture", ["NTx86", "NTamd64"], target, "NTamd64"],
    ["none for it", ["NTx86", "NTarm64"], target, null],
    ["no decoration on a 64-bit system", [], target, null],
    ["no decoration on x86", [], x86, ""],
    ["falling back to no decoration on x86", ["NTamd64"], x86, ""],
    ["NT alone is x86", ["NT"], x86, "NT"],
    ["NT alone is not amd64", ["NT"], target, null],
    [
      "the newest that is not too new",
      ["NTamd64.6.1", "NTamd64.10.0", "NTamd64.11.0"],
      target,
      "NTamd64.10.0",
    ],
    [
      "with a build",
      ["NTamd64.10.0", "NTamd64.10.0...19041", "NTamd64.10.0...22000"],
      target,
      "NTamd64.10.0...19041",
    ],
    ["for servers", ["NTamd64.10.0.3"], target, null],
    [
      "for servers, on one",
      ["NTamd64.10.0", "NTamd64.10.0.3"],
      { ...target, productType: 3 },
      "NTamd64.10.0.3",
    ],
  ];
  for (const [name, decorations, for_, wanted] of rows) {
    assert.equal(bestDecoration(decorations, for_), wanted, name);
  }
});

const card: DeviceFacts = {
  name: "Ethernet",
  hardwareIds: [
    "PCI\\VEN_8086&DEV_15B8&SUBSYS_85F01043&REV_31",
    "PCI\\VEN_8086&DEV_15B8&SUBSYS_85F01043",
    "PCI\\VEN_8086&DEV_15B8&CC_0200",
  ],
  compatibleIds: ["PCI\\VEN_8086&DEV_15B8", "PCI\\CC_0200"],
};
const file = (path: string, options: InfOptions & { signed?: boolean } = {}): DriverFile => ({
  packageId: "DRV00001",
  path,
  driver: parseInf(Buffer.from(inf(options)), target),
  signed: options.signed ?? true,
});

test("ranking: the first of two is taken, whatever their order", () => {
  const exact = "PCI\\VEN_8086&DEV_15B8&SUBSYS_85F01043";
  const rows: [string, Parameters<typeof file>[1], Parameters<typeof file>[1]][] = [
    [
      "a hardware identifier before a compatible one",
      { hardwareIds: exact },
      { hardwareIds: "PCI\\VEN_8086&DEV_15B8" },
    ],
    ["an earlier hardware identifier", { hardwareIds: `${exact}&REV_31` }, { hardwareIds: exact }],
    [
      "the INF's hardware identifier before its compatible one",
      { hardwareIds: exact },
      { hardwareIds: `PCI\\X, ${exact}` },
    ],
    [
      "the device's hardware identifier in the INF's compatible ones, before the reverse",
      { hardwareIds: `PCI\\X, ${exact}` },
      { hardwareIds: "PCI\\VEN_8086&DEV_15B8" },
    ],
    [
      "a signed one before a closer unsigned one",
      { hardwareIds: "PCI\\CC_0200" },
      { hardwareIds: exact, signed: false },
    ],
    [
      "a lower feature score before a closer identifier",
      { hardwareIds: "PCI\\CC_0200", feature: "10" },
      { hardwareIds: exact },
    ],
    [
      "the newer",
      { hardwareIds: exact, date: "01/02/2022" },
      { hardwareIds: exact, date: "12/31/2021", version: "99.0" },
    ],
    [
      "the higher version of one date",
      { hardwareIds: exact, version: "1.10.0.0" },
      { hardwareIds: exact, version: "1.9.9.9" },
    ],
  ];
  for (const [name, better, worse] of rows) {
    const files = [file("worse.inf", worse), file("better.inf", better)];
    for (const order of [files, files.toReversed()]) {
      const matches = rankDrivers(card, order);
      assert.equal(matches.length, 2, name);
      assert.equal(matches[0]?.file.path, "better.inf", name);
    }
  }
  assert.deepEqual(rankDrivers(card, [file("other.inf", { hardwareIds: "PCI\\VEN_10EC" })]), []);
});

test("a rank is 0xSSGGTHHH", () => {
  const rank = (options: Parameters<typeof file>[1]): string =>
    rankText(rankDrivers(card, [file("a.inf", options)])[0]?.rank ?? 0);
  assert.equal(rank({ hardwareIds: card.hardwareIds[0] ?? "" }), "0x0DFF0000");
  assert.equal(rank({ hardwareIds: "PCI\\CC_0200", signed: false }), "0x80FF2010");
  assert.equal(rank({ hardwareIds: "PCI\\X, PCI\\CC_0200", feature: "01" }), "0x0D013011");
});

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
  const machine = doubleMachine();
  return {
    folder,
    machine,
    answerFile: join(windows, "Panther", "Unattend", "Unattend.xml"),
    context: (system, properties, devices = [card]) =>
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
  assert.deepEqual(checkAnswerFile(parseXml(answer)), []);
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
