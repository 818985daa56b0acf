/** What the toolkit's properties decide: what Gather makes of the machine, groups, users' state, drivers and BitLocker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { userState } from "../../../../agent/steps/toolkit/user-state.ts";
import type { ReadinessFacts, StepServices } from "../../../../agent/steps/services.ts";
import { testContext, type TestContext, type TestContextOptions } from "../../../fixtures/step-context.ts";
import { keepsSecret, kindOf, makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { volumeState } from "../../../fixtures/windows-tools/manage-bde.ts";
import { registryOf } from "../../../fixtures/windows-tools/user-tools.ts";

const facts: ReadinessFacts = {
  memoryMegabytes: 4096,
  processorMegahertz: 2000,
  freeDiskMegabytes: 1000,
  operatingSystem: "server",
  architecture: "64-bit",
  operatingSystemVersion: "10.0.20348",
  clientVersion: null,
  operatingSystemLanguage: 1033,
  onMainsPower: true,
  networkConnected: true,
  wiredNetworkConnected: true,
  uefi: true,
  tpm: null,
};

async function gather(
  system: SystemName,
  variables: Record<string, string>,
  machine: Partial<ReadinessFacts> = {},
): Promise<TestContext> {
  const services: StepServices = { readiness: { facts: async () => ({ ...facts, ...machine }) } };
  const context = testContext({ system, variables, services });
  assert.equal((await kindOf("BDD_Gather").perform(context)).exitCode, 0);
  return context;
}

test("Gather: what the templates of the toolkit decide by", async () => {
  const virtual = { _SMSTSMake: "QEMU", _SMSTSModel: "Standard PC (Q35 + ICH9, 2009)" };
  const hyperV = { _SMSTSMake: "Microsoft Corporation", _SMSTSModel: "Virtual Machine" };
  const real = { _SMSTSMake: "Dell Inc.", _SMSTSModel: "Latitude 5520" };
  const rows: [SystemName, Record<string, string>, Partial<ReadinessFacts>, Record<string, string>][] = [
    ["linuxpe", {}, {}, { DeploymentType: "NEWCOMPUTER", PHASE: "VALIDATION", DeploymentMethod: "UNC" }],
    ["winpe", {}, {}, { OSVersion: "WinPE", IsServerOS: "False" }],
    ["windows", {}, {}, { DeploymentType: "REFRESH", OSVersion: "Other", IsServerOS: "True" }],
    ["windows", {}, {}, { OSCurrentVersion: "10.0.20348", OSCurrentBuild: "20348" }],
    // What a run has got to is not what it began with.
    [
      "winpe",
      { DeploymentType: "REFRESH", PHASE: "PREINSTALL" },
      {},
      { DeploymentType: "REFRESH", PHASE: "PREINSTALL" },
    ],
    ["winpe", { _DeployRoot: "C:\\toolkit" }, {}, { DeploymentMethod: "SCCM" }],
    [
      "winpe",
      real,
      { chassisType: 10 },
      { IsLaptop: "True", IsDesktop: "False", IsServer: "False", IsVM: "False" },
    ],
    ["winpe", real, { chassisType: 3 }, { IsLaptop: "False", IsDesktop: "True" }],
    ["winpe", real, { chassisType: 23 }, { IsServer: "True", IsDesktop: "False" }],
    ["winpe", real, { chassisType: null }, { IsLaptop: "" }],
    ["linuxpe", virtual, {}, { IsVM: "True", VMPlatform: "" }],
    ["linuxpe", hyperV, {}, { IsVM: "True", VMPlatform: "Hyper-V" }],
    ["winpe", {}, {}, { Architecture: "X64", SupportsX64: "True", CapableArchitecture: "AMD64 X64 X86" }],
  ];
  for (const [system, variables, machine, wanted] of rows) {
    const context = await gather(system, variables, machine);
    for (const [name, value] of Object.entries(wanted)) {
      assert.equal(context.variables.get(name), value, `${system} ${JSON.stringify(variables)} ${name}`);
    }
  }
});

test("Capture and Restore Groups: who is in them, also who the rules name, and what cannot be added", async (t) => {
  const room = makeRoom(t, "windows");
  const added: string[] = [];
  room.answers.push(
    [
      "Get-LocalGroupMember",
      ({ VOLLEY_GROUP, VOLLEY_SID }) =>
        VOLLEY_SID === "S-1-5-32-544" ? "CORP\\old\r\n" : VOLLEY_GROUP === "Lab" ? "CORP\\lab\r\n" : "",
    ],
    [
      "Add-LocalGroupMember",
      ({ VOLLEY_GROUP, VOLLEY_MEMBER }) => {
        added.push(`${VOLLEY_GROUP}: ${VOLLEY_MEMBER}`);
        return VOLLEY_MEMBER === "CORP\\old" ? 1 : 0;
      },
    ],
  );
  const step = kindOf("ZTIGroups");
  const variables: Record<string, string> = {
    Administrators001: "CORP\\Help desk",
    Groups001: "Administrators",
    Groups002: "Lab,the lab's own",
  };
  const run = async (argument: string, given: Record<string, string>): Promise<TestContext> => {
    const { context } = await room.perform("ZTIGroups", {}, given);
    const own = {
      ...context,
      step: { ...context.step, action: `cscript.exe "%SCRIPTROOT%\\ZTIGroups.wsf" ${argument}` },
    };
    const outcome = await step.perform(own);
    assert.equal(outcome.exitCode, 0, outcome.text);
    return own;
  };
  const captured = await run("/capture", variables);
  assert.equal(captured.variables.get("Administrators002"), "CORP\\old");
  assert.equal(captured.variables.get("Lab001"), "CORP\\lab");
  const kept = Object.fromEntries(
    captured.variables.names().map((name) => [name, captured.variables.get(name)]),
  );
  const restored = await run("/restore", kept);
  assert.deepEqual(added, ["Administrators: CORP\\Help desk", "Administrators: CORP\\old", "Lab: CORP\\lab"]);
  assert.match(restored.lines.join("\n"), /Not put into its group: CORP\\old/);
  added.length = 0;
  await run("/capture", { CaptureGroups: "NO" });
  assert.equal((await step.perform(testContext({ system: "linux" }))).exitCode, codes.notSupported);
});

test("user state: none of a new computer, and where the toolkit's properties say", async () => {
  const perform = async (
    action: string,
    variables: Record<string, string>,
    system: SystemName = "windows",
  ) => {
    const context = testContext({ system, variables, step: { action }, properties: {} });
    const outcome = await userState.perform(context);
    return { outcome, store: context.variables.get("OSDStateStorePath"), context };
  };
  for (const variables of [
    { UserDataLocation: "NONE" },
    { DeploymentType: "NEWCOMPUTER" },
    { DeploymentType: "NEWCOMPUTER", UserDataLocation: "AUTO" },
    { IsServerOS: "True" },
  ] as Record<string, string>[]) {
    for (const action of ["x.wsf /capture", "x.wsf /restore"]) {
      const { outcome, store } = await perform(action, variables);
      assert.deepEqual([outcome.exitCode, store], [0, ""], JSON.stringify(variables));
    }
  }
  const rows: [Record<string, string>, string][] = [
    [{ UserDataLocation: "AUTO", _SMSTSUserStatePath: "C:\\state" }, "C:\\state"],
    [{ _SMSTSUserStatePath: "C:\\state" }, "C:\\state"],
    [{ UserDataLocation: "NETWORK", UDShare: "\\\\s\\d", UDDir: "pc1" }, "\\\\s\\d\\pc1"],
    [{ UserDataLocation: "E:\\store" }, "E:\\store"],
    [{ UserDataLocation: "E:\\store", OSDStateStorePath: "F:\\own" }, "F:\\own"],
  ];
  for (const [variables, store] of rows) {
    const given = { ...variables, DeploymentType: "REFRESH" };
    assert.equal((await perform("x.wsf /capture", given)).store, store, JSON.stringify(variables));
  }
  const { context } = await perform("x.wsf /capture", {
    DeploymentType: "REFRESH",
    ScanStateArgs: "/v:5 /c /o /ue:*\\*",
    UserDataLocation: "E:\\s",
  });
  assert.equal(context.variables.get("OSDMigrateAdditionalCaptureOptions"), "/ue:*\\*");
});

test("Inject Drivers: the selection profile and the groups of DriverGroup001, …", async () => {
  const rows: [Record<string, string>, Record<string, string>, string[] | "nothing"][] = [
    [{ DriverSelectionProfile: "All Drivers" }, {}, []],
    [{ DriverSelectionProfile: "All Drivers" }, { DriverGroup001: "Dell" }, []],
    [
      { DriverSelectionProfile: "Lab" },
      { DriverGroup001: "Dell", DriverGroup002: "Printers" },
      ["Lab", "Dell", "Printers"],
    ],
    [
      { DriverSelectionProfile: "Nothing" },
      { DriverGroup001: "Windows 11 x64\\Dell" },
      ["Windows 11 x64\\Dell"],
    ],
    [{ DriverSelectionProfile: "Nothing" }, {}, "nothing"],
  ];
  for (const [properties, variables, wanted] of rows) {
    let asked: readonly string[] | "nothing" = "nothing";
    const options: TestContextOptions = {
      system: "linuxpe",
      properties,
      variables: { OSDTargetSystemDrive: "C:", ...variables },
      services: {
        devices: { list: async () => [] },
        driverCatalogue: {
          packages: (categories) => {
            asked = categories;
            return Promise.reject(new Error("enough seen"));
          },
        },
      },
    };
    await kindOf("BDD_InjectDrivers")
      .perform(testContext(options))
      .catch(() => {});
    assert.deepEqual(asked, wanted, JSON.stringify([properties, variables]));
  }
});

test("BitLocker by the toolkit: nothing unless BDEInstallSuppress is NO; offline it is pre-provisioned", async (t) => {
  const wanted = { BDEInstallSuppress: "NO", BDEInstall: "TPMPin", BDEPin: "24681357" };
  const pe = makeRoom(t, "winpe");
  pe.answers.push(["Win32_Tpm", () => 0]);
  succeed(await pe.perform("ZTIBde", {}));
  assert.equal(volumeState(pe.machine, "C:").percent, 0);
  succeed(await pe.perform("ZTIBde", {}, wanted));
  assert.ok(volumeState(pe.machine, "C:").percent > 0);
  const windows = makeRoom(t, "windows");
  windows.answers.push(
    ["Win32_Tpm", () => 0],
    [
      "TpmAndPinProtector",
      ({ VOLLEY_PIN }) => {
        volumeState(windows.machine, "C:").protectors.set("{1}", `pin ${VOLLEY_PIN}`);
        return 0;
      },
    ],
  );
  succeed(await windows.perform("ZTIBde", {}, { BDEInstallSuppress: "YES" }));
  assert.equal(volumeState(windows.machine, "C:").protectors.size, 0);
  const run = await windows.perform("ZTIBde", {}, wanted);
  succeed(run);
  assert.deepEqual([...volumeState(windows.machine, "C:").protectors.values()], ["pin 24681357"]);
  keepsSecret(run, "24681357");
  // The editor's own step runs the same script, and asks the same.
  const step = { action: 'cscript.exe "%SCRIPTROOT%\\ZTIBde.wsf"' };
  const typed = testContext({ system: "windows", properties: { BdeInstall: "TPM" }, step });
  assert.deepEqual([(await kindOf("EnableBitLocker").perform(typed)).exitCode, typed.runs], [0, []]);
  const onLinux = testContext({ system: "linuxpe", variables: wanted });
  assert.equal((await kindOf("ZTIBde").perform(onLinux)).exitCode, codes.notSupported);
});

test("Windows Update: the server of WSUSServer, without what WUMU_ExcludeKB and WUMU_ExcludeID name", async (t) => {
  const room = makeRoom(t, "windows");
  const asked: string[] = [];
  room.answers.push([
    "Microsoft.Update.Session",
    ({ VOLLEY_LEFT_OUT, VOLLEY_TARGET }) => {
      asked.push(`${VOLLEY_TARGET}: ${VOLLEY_LEFT_OUT}`);
      return 0;
    },
  ]);
  const policy = "hklm\\software\\policies\\microsoft\\windows\\windowsupdate";
  succeed(await room.perform("ZTIWindowsUpdate", {}));
  assert.equal(registryOf(room.machine).get(policy), undefined);
  const variables = {
    WSUSServer: "http://wsus.corp.example:8530",
    WUMU_ExcludeKB001: "KB4012345",
    WUMU_ExcludeKB002: "890830",
    WUMU_ExcludeID001: "1a2b",
  };
  succeed(await room.perform("ZTIWindowsUpdate", {}, variables));
  assert.deepEqual(asked, ["All: ", "All: 4012345,890830,1a2b"]);
  assert.equal(registryOf(room.machine).get(policy)?.get("wuserver"), "REG_SZ http://wsus.corp.example:8530");
  assert.equal(registryOf(room.machine).get(`${policy}\\au`)?.get("usewuserver"), "REG_DWORD 1");
  const wrong = await room.perform("ZTIWindowsUpdate", {}, { WSUSServer: "wsus" });
  assert.equal(wrong.outcome.exitCode, codes.invalidSetting);
});

test("Create WIM: where the properties say, as the account that they name, or at the site", async (t) => {
  const account = { UserID: "mdt", UserDomain: "CORP", UserPassword: "pa55word" };
  const share = { BackupShare: "\\\\server\\images$", BackupDir: "Captures", BackupFile: "ref.wim" };
  const rows: [Record<string, string>, string[]][] = [
    [
      { ...share, ...account, ComputerBackupLocation: "NETWORK" },
      ["net use \\\\server\\images$ CORP\\mdt", "capture C:\\ \\\\server\\images$\\Captures\\ref.wim"],
    ],
    [{ ...share }, ["capture C:\\ \\\\server\\images$\\Captures\\ref.wim"]],
    [{ ...share, ComputerBackupLocation: "\\\\other\\place" }, ["capture C:\\ \\\\other\\place\\ref.wim"]],
    [{ BackupDir: "\\\\third\\place", OSDComputerName: "PC1" }, ["capture C:\\ \\\\third\\place\\PC1.wim"]],
  ];
  for (const [variables, wanted] of rows) {
    const room = makeRoom(t, "winpe");
    const run = await room.perform("ZTIBackup", {}, { DoCapture: "YES", ...variables });
    succeed(run);
    keepsSecret(run, "pa55word");
    const done = room.machine.done.filter((line) => /^(net|capture) /.test(line));
    assert.equal(done.length, wanted.length, done.join("; "));
    for (const [index, line] of wanted.entries()) assert.ok(done[index]?.startsWith(line), done[index]);
  }
  const room = makeRoom(t, "winpe");
  const nowhere = await room.perform("ZTIBackup", {}, { DoCapture: "YES", BackupDir: "Captures" });
  assert.equal(nowhere.outcome.exitCode, codes.invalidSetting, "neither a share nor a site");
});
