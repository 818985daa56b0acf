/** "Toolkit reference: Properties": each documented property is heeded, or the check says that it is not. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { idleNames } from "../../../../agent/sequence/checking/idle-variables.ts";
import { isKnownVariable } from "../../../../agent/sequence/checking/known-variables.ts";
import { whyNeverSet } from "../../../../agent/sequence/checking/never-set.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { checkAnswerFile, readAnswerFile } from "../../../../agent/steps/unattend/answer-file.ts";
import { step as sequenceStep } from "../../../fixtures/sequences.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { kindOf, makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { registryOf } from "../../../fixtures/windows-tools/user-tools.ts";

/** The page's headings, an index as `#`. */
const documented =
  `_SMSTSOrgName ADDSLogPath ADDSPassword ADDSUserDomain ADDSUserName Administrators# AdminPassword
  Applications# ApplicationSuccessCodes ApplyGPOPack Architecture AreaCode AssetTag AutoConfigDNS BackupDir BackupDrive
  BackupFile BackupShare BDEAllowAlphaNumericPin BDEDriveLetter BDEDriveSize BDEInstall BDEInstallSuppress
  BDEKeyLocation BDEPin BDERecoveryKey BDEWaitForEncryption BitsPerPel BuildID CapableArchitecture CaptureGroups
  ChildName ComputerBackupLocation ConfigFileName ConfigFilePackage ConfirmGC CountryCode CriticalReplicationOnly
  CustomDriverSelectionProfile CustomPackageSelectionProfile CustomWizardSelectionProfile DatabasePath DefaultGateway
  DeployDrive DeploymentMethod DeploymentType DeployRoot DestinationDisk DestinationLogicalDrive DestinationPartition
  DHCPScopes DHCPScopes#Name DHCPServerOptionRouter Dialing DisableTaskMgr DNSServerOptionFailOnLoad DNSZones
  DNSZones#Name DoCapture DomainAdmin DomainAdminDomain DomainAdminPassword DomainLevel DomainNetBiosName DomainOUs#
  DoNotCreateExtraPartition DriverGroup# DriverInjectionMode DriverPaths# DriverSelectionProfile EventService
  EventShare FinishAction ForceApplyFallback ForestLevel FullName GPOPackPath Groups# HideShell Home_Page HostName
  ImagePackageID InputLocale InstallPackageID IPAddress IsDesktop IsHypervisorRunning IsLaptop IsServer IsServerCoreOS
  IsServerOS IsUEFI IsVM JoinDomain JoinWorkgroup KeyboardLocale KeyboardLocalePE LanguagePacks# LoadStateArgs
  LongDistanceAccess MACAddress MachineObjectOU Make MandatoryApplications# Memory Model NewDomain NewDomainDNSName
  OrgName OSCurrentBuild OSCurrentVersion OSDAdapter#DNSSuffix OSDAdapter#EnableTCPIPFiltering OSDAdapter#EnableWINS
  OSDAdapter#GatewayCostMetric OSDAdapter#UDPFilterPortList OSDBitLockerCreateRecoveryPassword OSDBitLockerMode
  OSDBitLockerRecoveryPassword OSDBitLockerStartupKey OSDBitLockerStartupKeyDrive OSDBitLockerTargetDrive
  OSDBitLockerWaitForEncryption OSDComputerName OSDDiskAlign OSDDiskIndex OSDDiskOffset
  OSDDiskPartBiosCompatibilityMode OSDImageCreator OSDImageIndex OSDInstallEditionIndex OSDisk OSDPartitions
  OSDPreserveDriveLetter OSDStateStorePath OSDTargetSystemDrive OSDTargetSystemRoot OSFeatures OSInstall OSRoles
  OSRoleServices OSSKU OSVersion OverrideProductKey PackageGroup# Packages# PackageSelectionProfile
  ParentDomainDNSName Phase PowerUsers# PrepareWinRE Priority ProcessorSpeed Product ProductKey ReplicaDomainDNSName
  ReplicaOrNewDomain ReplicationSourceDC ResourceDrive ResourceRoot SafeModeAdminPassword ScanStateArgs SerialNumber
  SiteName SkipAdminAccounts SkipAdminPassword SkipApplications SkipBDDWelcome SkipBitLocker SkipBuild SkipCapture
  SkipComputerBackup SkipComputerName SkipDomainMembership SkipFinalSummary SkipGroupSubFolders SkipLocaleSelection
  SkipPackageDisplay SkipProductKey SkipRearm SkipRoles SkipSummary SkipTaskSequence SkipTimeZone SkipUserData
  SkipWizard SLShare SLShareDynamicLogging SMSTSAssignUserMode SMSTSRunCommandLineUserName
  SMSTSRunCommandLineUserPassword SMSTSUdaUsers SQLServer StatePath StoredProcedure SupportsHyperVRole SupportsNX
  SupportsVT Supports64Bit SysVolPath TaskSequenceID TaskSequenceName TaskSequenceVersion TimeZoneName
  TPMOwnerPassword UDDir UDProfiles UDShare UILanguage UserDataLocation UserDomain UserID UserLocale UserPassword
  USMTConfigFile USMTMigFiles# UUID ValidateDomainCredentialsUNC VHDCreateDiffVHD VHDCreateFileName VHDCreateSizeMax
  VHDCreateSource VHDCreateType VHDDisks VHDInputVariable VHDOutputVariable VMHost VMName VMPlatform VRefresh
  VSSMaxSize WDSServer WindowsSource WipeDisk WizardSelectionProfile WSUSServer WUMU_ExcludeKB# WUMU_ExcludeID#
  XResolution YResolution`
    .trim()
    .split(/\s+/);

/** The toolkit's own scripts have them, whose steps run as they are ("adapted"). */
const ofScripts =
  /^(ADDS|AutoConfigDNS|DHCP|DNS(Server|Zones)|VHD|GPOPack|ApplyGPOPack|WipeDisk|ChildName|ConfirmGC|Critical|DatabasePath|DomainLevel|DomainNetBios|ForestLevel|NewDomain|ParentDomain|Replica|SafeMode|SiteName|SysVol)/;
/** What a step sets and conditions read; what a step of another name takes by its own variable; lists by a base variable. */
const otherwise = new Set(
  "DeployDrive ConfigFileName Packages# PowerUsers# SMSTSRunCommandLineUserName SMSTSRunCommandLineUserPassword".split(
    " ",
  ),
);

test("every documented property is read or set, of the toolkit's own scripts, or has a reason why not", () => {
  const exact = new Set<string>();
  const sources = readdirSync("agent", { recursive: true, encoding: "utf8" });
  for (const name of sources.filter((one) => one.endsWith(".ts") && !/checking|step-types/.test(one))) {
    const text = readFileSync(join("agent", name), "utf8");
    for (const [, word = ""] of text.matchAll(/["`]([A-Za-z_]\w{2,60})["`]/g)) exact.add(word.toLowerCase());
  }
  const unknown = documented.filter((name) => {
    const key = name.toLowerCase();
    if (idleNames.has(key) || whyNeverSet(name) !== null || ofScripts.test(name) || otherwise.has(name)) {
      return false;
    }
    const own = key
      .replace(/^osdadapter#|#$/g, "")
      .replace(/^os(roles|roleservices|features)$/, "windowssource");
    return !exact.has(own);
  });
  assert.deepEqual(unknown, []);
  // A property that is heeded is none that the check would call unknown.
  for (const name of [
    "WindowsSource",
    "OSInstall",
    "StatePath",
    "UDProfiles",
    "XResolution",
    "USMTConfigFile",
  ]) {
    assert.ok(isKnownVariable(name) && !idleNames.has(name.toLowerCase()), name);
  }
});

test("Administrators001 and PowerUsers001 are put into their groups whatever Groups001 lists; no group is made", async (t) => {
  const room = makeRoom(t, "windows");
  const added: string[] = [];
  room.answers.push([
    "Add-LocalGroupMember",
    ({ VOLLEY_GROUP = "", VOLLEY_MEMBER = "" }) => {
      if (VOLLEY_GROUP === "Lab") return 1;
      added.push(`${VOLLEY_GROUP}: ${VOLLEY_MEMBER}`);
      return 0;
    },
  ]);
  const { context } = await room.perform(
    "ZTIGroups",
    {},
    {
      Groups001: "Lab",
      Administrators001: "CORP\\Help desk",
      PowerUsers001: "CORP\\User01",
      Lab001: "CORP\\lab",
    },
  );
  const restoring = { ...context, step: { ...context.step, action: 'cscript.exe "ZTIGroups.wsf" /restore' } };
  const outcome = await kindOf("ZTIGroups").perform(restoring);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.deepEqual(added, ["Administrators: CORP\\Help desk", "Power Users: CORP\\User01"]);
  assert.match(context.lines.join("\n"), /Not put into its group: CORP\\lab \(Lab\)/);
  const scripts = context.runs.map(({ command }) => command.join(" ")).join("\n");
  assert.doesNotMatch(scripts, /New-LocalGroup/i, "the script does not create any destination groups");
});

test("Validate: OSInstall that is not YES ends the deployment", async () => {
  for (const [value, exitCode] of [
    ["", 0],
    ["YES", 0],
    ["Y", 0],
    ["NO", codes.notReady],
    ["N", codes.notReady],
  ] as const) {
    const context = testContext({
      variables: { OSInstall: value },
      services: { readiness: { facts: noFacts } },
    });
    assert.equal((await kindOf("BDD_Validate").perform(context)).exitCode, exitCode, value);
  }
});

const noFacts = () => Promise.resolve({} as never);

test("Tattoo: the values that the page of ZTITatoo names", async (t) => {
  const given = {
    DeploymentType: "REFRESH",
    TaskSequenceID: "TS1",
    TaskSequenceName: "Lab",
    _SMSTSPackageID: "ABC00001",
    _SMSTSAdvertID: "ABC20001",
  };
  const own = { "deployment type": "REFRESH", "task sequence id": "TS1", "task sequence name": "Lab" };
  const managed = {
    "osd package id": "ABC00001",
    "osd program name": "*",
    "osd advertisement id": "ABC20001",
  };
  for (const [method, wanted] of [
    ["UNC", { ...own, "deployment method": "LTI", "deployment source": "UNC" }],
    ["SCCM", { ...own, ...managed, "deployment method": "ZTI", "deployment source": "SCCM" }],
  ] as const) {
    const room = makeRoom(t, "windows");
    succeed(await room.perform("ZTITatoo", {}, { ...given, DeploymentMethod: method }));
    const mark = registryOf(room.machine).get("hklm\\software\\microsoft\\deployment 4");
    assert.match(mark?.get("deployment timestamp") ?? "", /^REG_SZ \d{14}\.000000\+000$/);
    mark?.delete("deployment timestamp");
    const values = Object.fromEntries(
      Object.entries(wanted).map(([name, value]) => [name, `REG_SZ ${value}`]),
    );
    assert.deepEqual(Object.fromEntries(mark ?? []), values);
  }
});

test("Configure: the screen and the locales of the toolkit's properties are in the answer file", async (t) => {
  const room = makeRoom(t, "winpe");
  const screen = { BitsPerPel: "32", XResolution: "1920", YResolution: "1080", VRefresh: "60" };
  const locales = { UserLocale: "de-DE", SystemLocale: "de-CH", UILanguage: "en-US" };
  for (const [given, input] of [
    [{ InputLocale: "0409:00000409" }, "0409:00000409"],
    [{ InputLocale: "0409:00000409", KeyboardLocale: "0407:00000407" }, "0407:00000407"],
  ] as const) {
    succeed(
      await room.perform("ZTIConfigure", {}, { OSDComputerName: "PC1", ...screen, ...locales, ...given }),
    );
    const path = join(room.folder, "C/Windows/Panther/Unattend/Unattend.xml");
    const text = readFileSync(path, "utf8");
    for (const part of [
      "<ColorDepth>32<",
      "<HorizontalResolution>1920<",
      "<VerticalResolution>1080<",
      "<RefreshRate>60<",
      "<UserLocale>de-DE<",
      "<SystemLocale>de-CH<",
      "<UILanguage>en-US<",
      `<InputLocale>${input}<`,
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.deepEqual(checkAnswerFile(await readAnswerFile(path)), []);
  }
  const wrong = await room.perform("ZTIConfigure", {}, { OSDComputerName: "PC1", XResolution: "wide" });
  assert.equal(wrong.outcome.exitCode, codes.invalidSetting);
});

test("Install Operating System: DestinationDisk and DestinationPartition where the step says nothing", async () => {
  const services = { disks: { list: async () => [] } };
  const variables = { OSGUID: "IMAGE", DestinationDisk: "3", DestinationPartition: "1" };
  const perform = (properties: Record<string, string>) =>
    kindOf("BDD_InstallOS").perform(
      testContext({ system: "linuxpe", properties, variables, services, packages: { IMAGE: "/" } }),
    );
  assert.match((await perform({})).text, /no disk 3/);
  assert.match((await perform({ DestinationDisk: "5", DestinationPartition: "1" })).text, /no disk 5/);
});

test("user state: StatePath, UDProfiles and USMTConfigFile", async (t) => {
  const room = makeRoom(t, "windows");
  writeFileSync(join(room.folder, "usmt/amd64/Config.xml"), "<Configuration/>");
  const { context } = await room.perform(
    "ZTIUserState",
    {},
    {
      DeploymentType: "REFRESH",
      StatePath: "D:\\State",
      UserDataLocation: "NETWORK",
      UDShare: "\\\\s\\d",
      USMTPackageID: "USMT",
      UDProfiles: "Administrator, CORP\\User-01,Ada Lovelace",
      USMTConfigFile: "config.xml",
    },
  );
  assert.equal(context.variables.get("OSDStateStorePath"), "D:\\State");
  const scan = context.runs.find(({ command }) => command[0]?.endsWith("scanstate.exe"))?.command ?? [];
  assert.deepEqual(
    scan.filter((word) => /^\/(u[ei]|config):/.test(word)),
    [
      `/config:${room.folder}/usmt/amd64/Config.xml`,
      "/ue:*\\*",
      "/ui:*\\Administrator",
      "/ui:CORP\\User-01",
      "/ui:*\\Ada Lovelace",
    ],
  );
});

test("Back Up: ComputerBackupLocation NONE makes no backup", async () => {
  const variables = { DoCapture: "YES", ComputerBackupLocation: "NONE", BackupShare: "\\\\s\\d" };
  const context = testContext({ system: "winpe", variables });
  const outcome = await kindOf("ZTIBackup").perform(context);
  assert.deepEqual([outcome.exitCode, context.runs.length], [0, 0], outcome.text);
});

test("roles and features: WindowsSource, and removing them completely", async (t) => {
  const source = { WindowsSource: "\\\\server\\share\\sxs" };
  const pe = makeRoom(t, "winpe");
  const image = await pe.perform("BDD_InstallRoles", { OSFeatures: "NetFx3" }, source);
  succeed(image);
  assert.ok(image.context.runs.at(-1)?.command.includes("/Source:\\\\server\\share\\sxs"));
  const seen: string[] = [];
  const windows = makeRoom(t, "windows");
  windows.answers.push(
    ["ProductType", () => 0],
    ["Install-WindowsFeature", ({ VOLLEY_SOURCE = "" }) => (seen.push(VOLLEY_SOURCE), 0)],
    ["Uninstall-WindowsFeature", () => 0],
  );
  const server = await windows.perform("BDD_InstallRoles", { OSRoles: "Web-Server" }, source);
  succeed(server);
  assert.deepEqual(seen, ["\\\\server\\share\\sxs"]);
  for (const [whole, pattern] of [
    ["true", /Uninstall-WindowsFeature .*-Remove/],
    ["false", /Uninstall-WindowsFeature (?!.*-Remove)/],
  ] as const) {
    const properties = { UninstallOSRoles: "Web-Server", CompletelyRemove: whole };
    const removed = await windows.perform("BDD_UninstallRoles", properties);
    succeed(removed);
    assert.match(removed.context.runs.at(-1)?.command.join(" ") ?? "", pattern);
  }
});

test("Install Application: ApplicationSuccessCodes say which codes are fine, of a list and not of a single one", async () => {
  const tools = { run: () => Promise.resolve({ exitCode: 7, output: "", timedOut: false }) };
  const programs = {
    ofPackage: () => assert.fail("no package is asked for"),
    application: async () => ({ packageId: "", commandLine: "x", successCodes: [0], workingFolder: "" }),
  };
  const perform = (properties: Record<string, string>) =>
    kindOf("BDD_InstallApplication").perform(
      testContext({
        system: "linux",
        tools,
        services: { programs },
        properties,
        variables: { Applications1: "{1}", ApplicationSuccessCodes: "0 7 3010" },
      }),
    );
  assert.equal((await perform({})).exitCode, 0);
  assert.equal((await perform({ ApplicationSuccessCodes: "0 3010" })).exitCode, 7);
  assert.equal((await perform({ ApplicationGUID: "{1}" })).exitCode, 7);
});

test("Inject Drivers: the check says what All comes to", () => {
  const mode = (value: string): string[] => {
    const variables = [
      { name: "DriverInjectionMode", property: "DriverInjectionMode", value, hidden: false, line: 1 },
    ];
    return kindOf("BDD_InjectDrivers").check(
      sequenceStep("Inject", { type: "BDD_InjectDrivers", variables }),
    );
  };
  assert.match(mode("ALL").join(), /none that fits no device/);
  assert.deepEqual(mode("AUTO"), []);
});
