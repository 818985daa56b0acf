/** The table of step types: every step the documentations have, and how a step without a type is known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recognizeStep, stepTypes } from "../../../../agent/sequence/step-types.ts";

/** Source: "Task sequence steps" (Configuration Manager), in the console's menus. */
const managerTypes =
  `ApplyOperatingSystem ApplyDataImage ApplyDriverPackage AutoApply ApplyNetworkSettings ApplyWindowsSettings
  PartitionDisk ConvertDisk SetupWindowsAndSMS Reboot RunCommandLine RunPowerShellScript SetVariable
  SetDynamicVariables PrestartCheck DownloadPackageContent InstallApplication InstallSoftware InstallUpdate
  JoinDomainWorkgroup ConnectNetworkFolder EnableBitLocker DisableBitLocker OfflineEnableBitLocker
  CaptureNetworkSettings CaptureWindowsSettings RequestStateStore ReleaseStateStore CaptureUserState
  RestoreUserState CaptureSystemImage PrepareOS PrepareSMSClient UpgradeOperatingSystem`.split(/\s+/);

for (const type of managerTypes) {
  test(`SMS_TaskSequence_${type}Action is known, in any case`, () => {
    const written = `SMS_TaskSequence_${type}Action`;
    assert.equal(recognizeStep(written, "")?.type, type);
    assert.equal(recognizeStep(written.toUpperCase(), "x.exe")?.type, type);
  });
}

/** Source: "Toolkit reference", Scripts; an action of MDT's editor, and what it is. */
const actions: [writtenType: string, action: string, type: string | null][] = [
  ["SMS_TaskSequence_SubTasksequence", "SubTasksequence.exe", "SubTasksequence"],
  ["BDD_Gather", "", "BDD_Gather"],
  ["BDD_UninstallRoles", 'cscript.exe "%SCRIPTROOT%\\ZTIOSRole.wsf" /uninstall', "BDD_UninstallRoles"],
  ["BDD_Newer", 'cscript.exe "%SCRIPTROOT%\\ZTIDrivers.wsf"', "BDD_InjectDrivers"],
  ["BDD_Newer", "", null],
  ["", 'cscript.exe "%SCRIPTROOT%\\ZTIBIOSCheck.wsf"', "ZTIBIOSCheck"],
  ["", 'cscript.exe "%ScriptRoot%\\ZTINicConfig.wsf"', "ZTINICConfig"],
  ["", 'cscript.exe "%SCRIPTROOT%\\ZTIdrivers.wsf"', "BDD_InjectDrivers"],
  ["", 'cscript.exe "%SCRIPTROOT%\\LTIApply.wsf"', "BDD_InstallOS"],
  ["", 'cscript.exe "%SCRIPTROOT%\\LTIApply.wsf" /PE /STAGE', "LTIApplyPE"],
  ["", 'cscript.exe "%_SMSTSMDataPath%\\Scripts\\LTIApply.wsf" /PE /BCD', "LTIApplyPE"],
  ["", 'cscript.exe "%SCRIPTROOT%\\LTIApply.wsf" /post', "LTIApplyPost"],
  ["", 'cscript.exe "%SCRIPTROOT%\\ZTIDiskpart.wsf"', "PartitionDisk"],
  ["", 'cscript.exe "%SCRIPTROOT%\\MyOwn.wsf"', "RunCommandLine"],
  ["", "powershell.exe -file %SCRIPTROOT%\\PSDWindowsUpdate.ps1", "RunCommandLine"],
  ["", "", null],
  [
    "SMS_TaskSequence_RunCommandLineAction",
    'cscript.exe "%SCRIPTROOT%\\ZTIWindowsUpdate.wsf"',
    "ZTIWindowsUpdate",
  ],
  ["SMS_TaskSequence_RunCommandLineAction", "smsswd.exe /run: c:\\ZTIGather.wsf", "RunCommandLine"],
  ["SMS_TaskSequence_FlyAction", 'cscript.exe "%SCRIPTROOT%\\ZTIGather.wsf"', null],
];
for (const [writtenType, action, type] of actions) {
  test(`"${writtenType}" with the action ${action} is ${type}`, () => {
    assert.equal(recognizeStep(writtenType, action)?.type ?? null, type);
  });
}

test("each type stands once, with a title, and knows its variables by name, property and index", () => {
  assert.equal(new Set(stepTypes.map(({ type }) => type.toLowerCase())).size, stepTypes.length);
  for (const { title, type } of stepTypes) assert.match(title, /^[A-Z]/, type);
  const partition = recognizeStep("SMS_TaskSequence_PartitionDiskAction", "");
  assert.ok(partition);
  for (const [name, property, known] of [
    ["OSDPartitions12SizeUnits", "Partitions12SizeUnits", true],
    ["osddiskindex", "", true],
    ["Other", "DiskIndex", true],
    ["OSDPartitions12Colour", "Partitions12Colour", false],
    ["Colour", "", false],
  ] as const) {
    assert.equal(partition.knows({ name, property }), known, name);
  }
});
