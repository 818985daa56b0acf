/** Steps in Windows PE and around images: the commands they build, judged by doubles that refuse what the tools refuse. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listDisks } from "../../../../agent/platform/windows/disks.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { laptop } from "../../../fixtures/windows-facts.ts";
import { keepsSecret, kindOf, makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { disksOfMachine } from "../../../fixtures/windows-tools/shown-disks.ts";
import { connectionsOf, registryOf } from "../../../fixtures/windows-tools/user-tools.ts";
test("Apply Operating System Image in Windows PE: DISM, bcdboot, and the recovery image by reagentc", async (t) => {
  const room = makeRoom(t, "winpe");
  const rows: [string, Record<string, string>, Record<string, string>, string[]][] = [
    [
      "a letter, with a recovery partition",
      { ImagePackageID: "IMAGE", ImageIndex: "3", DestinationLogicalDrive: "C:" },
      { _VolleyRecoveryPartition: "0,3" },
      [
        `apply ${room.folder}/image/install.wim 3 C:\\`,
        "bcdboot C:\\Windows",
        "reagentc setreimage D:\\Recovery\\WindowsRE",
      ],
    ],
    [
      "parts of an image",
      { ImagePackageID: "SPLIT", DestinationLogicalDrive: "C:" },
      {},
      [`apply ${room.folder}/split/install.swm 1 C:\\`, "bcdboot C:\\Windows"],
    ],
    [
      "disk and partition",
      { ImagePackageID: "IMAGE", DestinationDisk: "0", DestinationPartition: "2" },
      {},
      [`apply ${room.folder}/image/install.wim 1 C:\\`, "bcdboot C:\\Windows"],
    ],
    [
      "the next volume",
      { ImagePackageID: "IMAGE" },
      {},
      [`apply ${room.folder}/image/install.wim 1 C:\\`, "bcdboot C:\\Windows"],
    ],
  ];
  for (const [name, properties, variables, wanted] of rows) {
    room.machine.done.length = 0;
    mkdirSync(join(room.folder, "C/Windows/System32/Recovery"), { recursive: true });
    writeFileSync(join(room.folder, "C/old.txt"), "");
    // DISM's double writes nothing: what it would have applied is put there as it is wiped.
    const kept = { _SMSTSUserStatePath: "C:\\Windows", ...variables };
    writeFileSync(join(room.folder, "C/Windows/System32/Recovery/Winre.wim"), "recovery");
    const run = await room.perform("ApplyOperatingSystem", properties, kept);
    succeed(run);
    const done = room.machine.done.filter((line) => /^(apply|bcdboot|reagentc)/.test(line));
    assert.deepEqual(done, wanted, name);
    assert.ok(!existsSync(join(room.folder, "C/old.txt")), name);
  }
  assert.equal(readFileSync(join(room.folder, "D/Recovery/WindowsRE/Winre.wim"), "utf8"), "recovery");
  assert.equal(room.machine.disks[0]?.partitions[2]?.letter, null, "its letter is taken away again");
  const again = await room.perform(
    "ApplyDataImage",
    { ImagePackageID: "IMAGE" },
    { _VolleyImageVolumes: "C" },
  );
  assert.equal(again.outcome.exitCode, codes.notFound);
});

test("Capture Operating System Image in Windows PE, to a folder and to the site", async (t) => {
  const room = makeRoom(t, "winpe");
  const destination = room.machine.disks[0]?.partitions[2];
  assert.ok(destination);
  destination.letter = "D";
  room.services.disks = disksOfMachine(room.machine);
  const run = await room.perform("CaptureSystemImage", {
    CaptureDestination: "D:\\ref.wim",
    ImageDescription: "d",
  });
  succeed(run);
  assert.ok(room.machine.done.some((line) => line.startsWith(`capture C:\\ ${room.folder}/D/ref.wim`)));
  const wrong = await room.perform("CaptureSystemImage", { CaptureDestination: "D:\\ref.iso" });
  assert.equal(wrong.outcome.exitCode, codes.invalidSetting);
  const nowhere = await room.perform("CaptureSystemImage", {});
  assert.equal(nowhere.outcome.exitCode, codes.invalidSetting);
  assert.equal(kindOf("CaptureSystemImage").repeatable, false);
});

test("Capture Operating System Image to a share, as the account that the sequence names", async (t) => {
  const room = makeRoom(t, "winpe");
  room.machine.disks[0]?.partitions.pop();
  room.services.disks = disksOfMachine(room.machine);
  const share = "\\\\server\\images$";
  const properties = {
    CaptureDestination: `${share}\\lab\\ref.wim`,
    CaptureUsername: "CORP\\capture",
    CapturePassword: "pa55word",
  };
  const run = await room.perform("CaptureSystemImage", properties);
  succeed(run);
  keepsSecret(run, "pa55word");
  assert.equal(room.machine.done[0], `net use ${share} CORP\\capture`);
  assert.match(room.machine.done[1] ?? "", /^capture C:\\ \\\\server\\images\$\\lab\\ref\.wim /);
  assert.equal(room.machine.state.get("share password"), "pa55word");
  assert.deepEqual([...connectionsOf(room.machine)], [], "the share stays connected");
  const variables = { OSDCaptureAccount: "CORP\\other", OSDCaptureAccountPassword: "other" };
  succeed(await room.perform("CaptureSystemImage", properties, variables));
  assert.equal(room.machine.state.get("share password"), "other", "variables count over the step's own");
  room.machine.done.length = 0;
  succeed(await room.perform("CaptureSystemImage", { CaptureDestination: `${share}\\ref.wim` }));
  assert.equal(room.machine.done.length, 1, "without an account nothing is connected");
  for (const wrong of [
    { ...properties, CapturePassword: "" },
    { ...properties, CaptureDestination: "\\\\server\\ref.wim" },
    { ...properties, CaptureDestination: `${share}\\..\\ref.wim` },
  ]) {
    assert.equal((await room.perform("CaptureSystemImage", wrong)).outcome.exitCode, codes.invalidSetting);
  }
});

test("the site is told which disk the files of a WIM go to in a Windows PE: the one that has the drive", async (t) => {
  const room = makeRoom(t, "winpe");
  const told: unknown[] = [];
  room.services.disks = { list: async () => listDisks(laptop(true)) };
  room.services.imageApplier = {
    formatOf: async () => "wim",
    diskDemand: () => assert.fail("it is asked for"),
    writeTo: () => assert.fail("it is written"),
    async files({ device, disk, index, packageId }, apply) {
      told.push([packageId, index, device, disk?.model, disk?.serial]);
      await apply();
      told.push(room.machine.done.filter((line) => line.startsWith("apply")).length);
    },
  };
  const wish = { ImagePackageID: "IMAGE", ImageIndex: "3", DestinationLogicalDrive: "C:" };
  succeed(await room.perform("ApplyDataImage", wish));
  assert.deepEqual(told, [["IMAGE", 3, "C:", "Samsung SSD 980", "S64D"], 1]);
});

test("Apply Operating System Image: the layered driver by DISM, and in the answer file", async (t) => {
  const room = makeRoom(t, "winpe");
  const apply = (properties: Record<string, string>, variables: Record<string, string> = {}) => {
    const kept = { _SMSTSUserStatePath: "C:\\Windows", ...variables };
    return room.perform("ApplyOperatingSystem", { ImagePackageID: "IMAGE", ...properties }, kept);
  };
  const driverSet = (): string[] => room.machine.done.filter((line) => line.startsWith("set-layered"));
  succeed(await apply({ LayeredDriver: "0" }));
  assert.deepEqual(driverSet(), []);
  succeed(await apply({ LayeredDriver: "2" }, { OSDLayeredDriver: "6" }));
  assert.deepEqual(driverSet(), ["set-layereddriver 6 C:\\"]);
  const answer = readFileSync(join(room.folder, "C/Windows/Panther/Unattend/Unattend.xml"), "utf8");
  assert.match(answer, /pass="windowsPE"[^]*International-Core-WinPE[^]*<LayeredDriver>6<[^]*<\/settings>/);
  assert.doesNotMatch(answer, /reg\.exe/);
  assert.equal((await apply({ LayeredDriver: "7" })).outcome.exitCode, codes.invalidSetting);
});

test("Connect To Network Folder: the password is asked for, and not an argument", async (t) => {
  const room = makeRoom(t, "winpe");
  const share = {
    Path: "\\\\server\\share",
    DriveLetter: "Z:",
    Username: "CORP\\user",
    Password: "pa55word",
  };
  const run = await room.perform("ConnectNetworkFolder", share);
  succeed(run);
  keepsSecret(run, "pa55word");
  assert.deepEqual(room.machine.done, ["net use Z: \\\\server\\share CORP\\user"]);
  assert.equal(room.machine.state.get("share password"), "pa55word");
  succeed(await room.perform("ConnectNetworkFolder", { Path: "\\\\server\\share", DriveLetter: "Y:" }));
  for (const wrong of [
    { ...share, DriveLetter: "X:" },
    { ...share, DriveLetter: "C:" },
    { ...share, Path: "\\\\server" },
    { ...share, Path: "server\\share" },
    { ...share, Password: "" },
  ]) {
    assert.equal((await room.perform("ConnectNetworkFolder", wrong)).outcome.exitCode, codes.invalidSetting);
  }
});

test("Capture Windows Settings by reg, of the Windows that runs and of one on the disk", async (t) => {
  for (const [system, root] of [
    ["windows", "hklm\\system\\currentcontrolset"],
    ["winpe", "hklm\\volleysystem\\controlset002"],
  ] as const) {
    const room = makeRoom(t, system);
    const registry = registryOf(room.machine);
    registry.set("hklm\\volleysystem\\select", new Map([["current", "REG_DWORD 0x2"]]));
    registry.set(
      `${root}\\control\\computername\\computername`,
      new Map([["computername", "REG_SZ OLD-PC"]]),
    );
    registry.set(
      `${root}\\control\\timezoneinformation`,
      new Map([["timezonekeyname", "REG_SZ W. Europe Standard Time"]]),
    );
    const { context, outcome } = await room.perform("CaptureWindowsSettings", {});
    assert.equal(outcome.exitCode, 0, outcome.text);
    assert.equal(context.variables.get("OSDComputerName"), "OLD-PC");
    assert.equal(context.variables.get("OSDTimeZone"), "W. Europe Standard Time");
    const loads = room.machine.done.filter((line) => line.startsWith("reg load")).length;
    assert.equal(loads, room.machine.done.filter((line) => line.startsWith("reg unload")).length);
  }
});

test("Capture Network Settings on Windows: membership and adapters", async (t) => {
  const room = makeRoom(t, "windows");
  room.answers.push([
    "Win32_ComputerSystem",
    () => '{"PartOfDomain":true,"Domain":"corp.example","Workgroup":null}',
  ]);
  room.services.network = {
    adapters: () =>
      Promise.resolve([
        {
          name: "Ethernet",
          macAddress: "00:15:5D:00:00:01",
          dhcp: false,
          addresses: [{ address: "192.0.2.7", mask: "255.255.255.0" }],
          gateways: ["192.0.2.1"],
          dnsServers: ["192.0.2.53"],
          dnsDomain: "example",
        },
      ]),
  };
  const run = await room.perform("CaptureNetworkSettings", {});
  succeed(run);
  const { variables } = run.context;
  assert.equal(variables.get("OSDDomainName"), "corp.example");
  assert.equal(variables.get("OSDAdapterCount"), "1");
  assert.equal(variables.get("OSDAdapter0IPAddressList"), "192.0.2.7");
  const applied = makeRoom(t, "winpe");
  const captured = variables.names().filter((name) => name.startsWith("OSDAdapter"));
  const values = Object.fromEntries(captured.map((name) => [name, variables.get(name)]));
  succeed(
    await applied.perform("ApplyNetworkSettings", { NetworkJoinType: "1", WorkgroupName: "W" }, values),
  );
  const file = join(applied.folder, "C/Windows/Panther/Unattend/Unattend.xml");
  assert.match(readFileSync(file, "utf8"), /192\.0\.2\.7\/24/);
});

test("Convert Disk to Dynamic, roles and features, updates into an image, the mark of the toolkit", async (t) => {
  const pe = makeRoom(t, "winpe");
  succeed(await pe.perform("ConvertDisk", { DiskIndex: "0" }));
  assert.equal(pe.machine.disks[0]?.dynamic, true);
  assert.notEqual((await pe.perform("ConvertDisk", { DiskIndex: "5" })).outcome.exitCode, 0);
  pe.machine.done.length = 0;
  succeed(await pe.perform("BDD_InstallUpdatesOffline", { PackageSelectionProfile: "UPDATES" }));
  succeed(await pe.perform("BDD_InstallRoles", { OSFeatures: "NetFx3,WCF-HTTP-Activation" }));
  assert.deepEqual(pe.machine.done, [
    `add-package ${pe.folder}/updates/kb1.msu`,
    `add-package ${pe.folder}/updates/kb2.cab`,
    "enable-feature NetFx3 WCF-HTTP-Activation",
  ]);
  const windows = makeRoom(t, "windows");
  let isServer = 1;
  const names: string[] = [];
  windows.answers.push(
    ["ProductType", () => isServer],
    [
      "Uninstall-WindowsFeature",
      ({ VOLLEY_NAMES }) => {
        names.push(VOLLEY_NAMES ?? "");
        return 0;
      },
    ],
  );
  succeed(await windows.perform("BDD_UninstallRoles", { UninstallOSFeatures: "SMB1Protocol" }));
  assert.ok(windows.machine.done.includes("disable-feature SMB1Protocol"));
  isServer = 0;
  succeed(await windows.perform("BDD_UninstallRoles", { UninstallOSRoles: "Web-Server" }));
  assert.deepEqual(names, ["Web-Server"]);
  assert.equal(
    (await windows.perform("BDD_UninstallRoles", { UninstallOSRoles: "a';b" })).outcome.exitCode,
    codes.invalidSetting,
  );
  succeed(await windows.perform("ZTITatoo", {}, { TaskSequenceID: "TS1" }));
  const mark = registryOf(windows.machine).get("hklm\\software\\microsoft\\deployment 4");
  assert.equal(mark?.get("task sequence id"), "REG_SZ TS1");
});
