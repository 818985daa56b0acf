/** Steps in the Windows that runs: BitLocker, membership, upgrade, Sysprep, updates, user state. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import { keepsSecret, makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { volumeState } from "../../../fixtures/windows-tools/manage-bde.ts";
test("Enable BitLocker: protectors, recovery password, method, waiting", async (t) => {
  const rows: [string, Record<string, string>, string[], string][] = [
    [
      "TPM",
      { Mode: "TPM", EncryptMethod: "7", EncryptFullDisk: "true" },
      ["tpm"],
      "on C: -encryptionmethod xts_aes256 -skiphardwaretest",
    ],
    ["used space", { Mode: "TPM" }, ["tpm"], "on C: -skiphardwaretest -usedspaceonly"],
    [
      "a startup key",
      { Mode: "Key", StartupKeyDrive: "E:" },
      ["startupkey"],
      "on C: -skiphardwaretest -usedspaceonly",
    ],
    [
      "TPM and startup key",
      { Mode: "TPMKey", StartupKeyDrive: "E:" },
      ["tpmandstartupkey"],
      "on C: -skiphardwaretest -usedspaceonly",
    ],
    [
      "AD",
      { Mode: "TPM", CreateRecoveryPassword: "AD", WaitForEncryption: "false" },
      ["tpm", "recovery"],
      "on C: -skiphardwaretest -usedspaceonly",
    ],
  ];
  for (const [name, properties, protectors, on] of rows) {
    const room = makeRoom(t, "windows");
    room.answers.push(["Win32_Tpm", () => 0]);
    succeed(await room.perform("EnableBitLocker", properties));
    const volume = volumeState(room.machine, "C:");
    assert.deepEqual([...volume.protectors.values()], protectors, name);
    assert.ok(room.machine.done.includes(on), `${name}: ${room.machine.done.join("\n")}`);
    assert.equal(volume.backedUp.length, name === "AD" ? 1 : 0);
  }
});

test("Enable BitLocker: a PIN, the site's keeping, no TPM, wrong settings", async (t) => {
  const room = makeRoom(t, "windows");
  let tpm = 0;
  room.answers.push(
    ["Win32_Tpm", () => tpm],
    [
      "TpmAndPinProtector",
      ({ VOLLEY_PIN }) => {
        volumeState(room.machine, "C:").protectors.set("{9}", `pin ${VOLLEY_PIN ?? ""}`);
        return 0;
      },
    ],
  );
  const kept: string[] = [];
  room.services.recoveryKeys = { keep: ({ password }) => Promise.resolve(void kept.push(password)) };
  const run = await room.perform("EnableBitLocker", {
    Mode: "TPMPin",
    PIN: "246813",
    CreateRecoveryPassword: "CMDB",
  });
  succeed(run);
  keepsSecret(run, "246813");
  keepsSecret(run, "123456-123456");
  assert.ok([...volumeState(room.machine, "C:").protectors.values()].includes("pin 246813"));
  assert.equal(kept.length, 1);
  assert.equal(run.outcome.reservation, undefined);
  tpm = 1;
  const none = await room.perform("EnableBitLocker", { Mode: "TPM" });
  assert.equal(none.outcome.exitCode, codes.notFound);
  room.machine.done.length = 0;
  const skipped = await room.perform("EnableBitLocker", { Mode: "TPM", SkipWhenNoValidTPM: "true" });
  succeed(skipped);
  assert.equal(skipped.outcome.reservation, "skippedWithoutTpm");
  assert.ok(!room.machine.done.some((line) => line.startsWith("on ")));
  tpm = 0;
  for (const wrong of [
    { Mode: "Magic" },
    { Mode: "TPMPin", PIN: "12" },
    { EncryptMethod: "9" },
    { CreateRecoveryPassword: "paper" },
  ]) {
    assert.equal((await room.perform("EnableBitLocker", wrong)).outcome.exitCode, codes.invalidSetting);
  }
});

test("Disable BitLocker for 1 to 15 restarts; Pre-provision BitLocker in Windows PE", async (t) => {
  const room = makeRoom(t, "windows");
  for (const [properties, variables, count] of [
    [{ RebootCount: "10" }, {}, 10],
    [{}, {}, 1],
    [{ RebootCount: "10" }, { OSDBitLockerRebootCountOverride: "0" }, 0],
  ] as const) {
    succeed(await room.perform("DisableBitLocker", properties, variables));
    assert.equal(volumeState(room.machine, "C:").suspendedFor, count);
  }
  assert.equal(
    (await room.perform("DisableBitLocker", { RebootCount: "16" })).outcome.exitCode,
    codes.invalidSetting,
  );
  const pe = makeRoom(t, "winpe");
  pe.answers.push(["Win32_Tpm", () => 0]);
  succeed(await pe.perform("OfflineEnableBitLocker", { TargetDrive: "C:" }));
  succeed(await pe.perform("OfflineEnableBitLocker", { DestinationDisk: "0", DestinationPartition: "2" }));
  assert.deepEqual(
    pe.machine.done.filter((line) => line.startsWith("on ")),
    ["on C: -usedspaceonly", "on C: -usedspaceonly"],
  );
});

test("Join Domain or Workgroup: the password is in the environment of PowerShell alone", async (t) => {
  const room = makeRoom(t, "windows");
  const seen: Record<string, string>[] = [];
  room.answers.push([
    "Add-Computer",
    (environment) => {
      seen.push({ ...environment });
      return 0;
    },
  ]);
  const domain = {
    Type: "0",
    DomainName: "corp.example",
    DomainOUName: "LDAP://OU=A,DC=corp",
    DomainUsername: "CORP\\j",
    DomainPassword: "pa55word",
  };
  const run = await room.perform("JoinDomainWorkgroup", domain);
  succeed(run);
  keepsSecret(run, "pa55word");
  assert.equal(seen[0]?.["VOLLEY_PASSWORD"], "pa55word");
  assert.equal(seen[0]?.["VOLLEY_UNIT"], "OU=A,DC=corp");
  assert.equal(run.context.variables.get("SMSTSRebootRequested"), "HD");
  const workgroup = await room.perform("JoinDomainWorkgroup", {
    Type: "1",
    WorkgroupName: "ROOM",
    SkipReboot: "true",
  });
  succeed(workgroup);
  assert.equal(workgroup.context.variables.get("SMSTSRebootRequested"), "");
  for (const wrong of [{ ...domain, Type: "2" }, { ...domain, DomainPassword: "" }, { Type: "1" }]) {
    assert.equal((await room.perform("JoinDomainWorkgroup", wrong)).outcome.exitCode, codes.invalidSetting);
  }
});

test("Upgrade Operating System: Setup's switches, codes, and the key in a file", async (t) => {
  const room = makeRoom(t, "windows");
  const rows: [string, Record<string, string>, number, number, RegExp][] = [
    ["an upgrade", { InstallEditionIndex: "1" }, 0, 0, /auto=Upgrade.*imageindex=1/],
    ["a scan that finds nothing", { ScanOnly: "true" }, 0xc1900210, 0, /compat=ScanOnly/],
    [
      "a scan that finds something",
      { ScanOnly: "true", IgnoreMessages: "true" },
      0xc1900208,
      0xc1900208,
      /compat=IgnoreWarning\+ScanOnly/,
    ],
    ["a failure", {}, 0xc1900101, 0xc1900101, /./],
    ["by itself", {}, 0, 0, /auto=Upgrade .*dynamicupdate=Disable/],
    ["what its class calls it", { DynamicUpdateSettings: "OveridePolicy" }, 0, 0, /dynamicupdate=Enable/],
    ["as the console writes it", { DynamicUpdateSettings: "OverridePolicy" }, 0, 0, /dynamicupdate=Enable/],
    ["data alone", { PreserveSettings: "dataonly" }, 0, 0, /auto=DataOnly/],
  ];
  for (const [name, properties, setupCode, exitCode, done] of rows) {
    room.machine.done.length = 0;
    room.machine.state.set("setup exit code", setupCode);
    const run = await room.perform("UpgradeOperatingSystem", { InstallPackageID: "UPGRADE", ...properties });
    assert.equal(run.outcome.exitCode, exitCode, `${name}: ${run.outcome.output}`);
    assert.match(room.machine.done.join("\n"), done, name);
    assert.equal(run.context.variables.get("_SMSTSOSUpgradeActionReturnCode"), String(setupCode));
  }
  room.machine.state.set("setup exit code", 0);
  const key = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE";
  const run = await room.perform("UpgradeOperatingSystem", {
    InstallPackageID: "UPGRADE",
    OsProductKey: key,
  });
  succeed(run);
  keepsSecret(run, key);
  assert.match(String(room.machine.state.get("setup configuration")), new RegExp(`PKey=${key}`));
  for (const wrong of [{}, { InstallPackageID: "UPGRADE", PreserveSettings: "Everything" }]) {
    assert.equal(
      (await room.perform("UpgradeOperatingSystem", wrong)).outcome.exitCode,
      codes.invalidSetting,
    );
  }
});

test("Prepare Windows and client for capture", async (t) => {
  const room = makeRoom(t, "windows");
  succeed(await room.perform("PrepareOS", {}));
  succeed(await room.perform("PrepareOS", { KeepActivation: "true", ShutdownPreparedOs: "true" }));
  assert.deepEqual(room.machine.done, [
    "sysprep generalize oobe quiet quit",
    "sysprep generalize oobe quiet shutdown",
  ]);
  assert.match(String(room.machine.state.get("sysprep answer file")), /SkipRearm>1</);
  assert.equal((await room.perform("PrepareSMSClient", {})).outcome.exitCode, codes.notReadyYet);
  let forgotten = 0;
  room.services.agentIdentity = { forgetInImage: () => Promise.resolve(void (forgotten += 1)) };
  succeed(await room.perform("PrepareSMSClient", {}));
  assert.equal(forgotten, 1);
});

test("Install Software Updates: which ones, and a restart", async (t) => {
  const room = makeRoom(t, "windows");
  let status = 0;
  const targets: string[] = [];
  room.answers.push([
    "Microsoft.Update.Session",
    ({ VOLLEY_TARGET }) => {
      targets.push(VOLLEY_TARGET ?? "");
      return status;
    },
  ]);
  succeed(await room.perform("InstallUpdate", { Target: "All" }));
  status = 3010;
  const restart = await room.perform("InstallUpdate", { Target: "Mandatory" });
  succeed(restart);
  assert.equal(restart.context.variables.get("SMSTSRebootRequested"), "HD");
  status = 1;
  assert.equal((await room.perform("InstallUpdate", { Target: "All" })).outcome.exitCode, codes.failed);
  assert.deepEqual(targets, ["All", "Mandatory", "All"]);
  assert.equal(
    (await room.perform("InstallUpdate", { Target: "Some" })).outcome.exitCode,
    codes.invalidSetting,
  );
});

test("user state by USMT: online, offline, as hard links, encrypted", async (t) => {
  const store = { OSDStateStorePath: "C:\\Store" };
  const key = { _VolleyStateStoreKey: "ab".repeat(32) };
  const online = makeRoom(t, "windows");
  const rows: [string, Record<string, string>, Record<string, string>, string][] = [
    ["plain", {}, store, "o localonly i c efs nocompress l progress"],
    [
      "hard links",
      { UseHardlinks: "true" },
      { ...store, ...key },
      "o localonly i c efs hardlink nocompress l progress",
    ],
    [
      "encrypted",
      { SkipEncryptedFiles: "true" },
      { ...store, ...key },
      "o localonly i c efs encrypt keyfile l progress",
    ],
    [
      "by shadow copy",
      { FileAccess: "VSS", EnableVerboseLogging: "true" },
      store,
      "o localonly i c efs nocompress vsc l progress v",
    ],
    [
      "advanced",
      { Mode: "Advanced", ConfigFiles: "Own.xml" },
      store,
      "o localonly i c efs nocompress l progress",
    ],
  ];
  for (const [name, properties, variables, wanted] of rows) {
    online.machine.done.length = 0;
    const run = await online.perform("CaptureUserState", { UsmtPackageID: "USMT", ...properties }, variables);
    succeed(run);
    keepsSecret(run, "abababab");
    assert.deepEqual(online.machine.done, [`scanstate C:\\Store ${wanted}`], name);
  }
  assert.equal(online.machine.state.get("usmt key"), "ab".repeat(32));
  const restored = await online.perform(
    "RestoreUserState",
    { UsmtRestorePackageID: "USMT", LocalAccounts: "true" },
    { ...store, ...key },
  );
  succeed(restored);
  assert.match(online.machine.done.at(-1) ?? "", /^loadstate .* decrypt keyfile lac/);
  const pe = makeRoom(t, "winpe");
  succeed(await pe.perform("CaptureUserState", { UsmtPackageID: "USMT" }, store));
  assert.match(pe.machine.done.at(-1) ?? "", /offlinewindir/);
  for (const [properties, variables, exitCode] of [
    [{ UsmtPackageID: "USMT" }, {}, codes.notFound],
    [{}, store, codes.invalidSetting],
    [{ UsmtPackageID: "USMT", Mode: "Advanced", ConfigFiles: "None.xml" }, store, 28],
  ] as const) {
    assert.equal(
      (await online.perform("CaptureUserState", properties, variables)).outcome.exitCode,
      exitCode,
    );
  }
});

test("Restore User State: migrated local accounts get their password, which is on no command line", async (t) => {
  const room = makeRoom(t, "windows");
  const seen: (string | undefined)[][] = [];
  room.answers.push(
    [
      "Set-LocalUser",
      ({ VOLLEY_ACCOUNTS, VOLLEY_PASSWORD }) => {
        seen.push([VOLLEY_ACCOUNTS, VOLLEY_PASSWORD]);
        return 0;
      },
    ],
    ["-join ','", () => "S-1-5-21-1-500,S-1-5-21-1-501\r\n"],
  );
  const properties = { UsmtRestorePackageID: "USMT", LocalAccounts: "true" };
  const store = { OSDStateStorePath: "C:\\Store" };
  succeed(await room.perform("RestoreUserState", properties, store));
  assert.deepEqual(seen, [], "without a password they stay disabled");
  const run = await room.perform(
    "RestoreUserState",
    { ...properties, LocalAccountPassword: "pa55word" },
    store,
  );
  succeed(run);
  keepsSecret(run, "pa55word");
  assert.deepEqual(seen, [["S-1-5-21-1-500,S-1-5-21-1-501", "pa55word"]]);
  assert.match(room.machine.done.join("\n"), /loadstate .*lac.*\npowershell Set-LocalUser/);
});
