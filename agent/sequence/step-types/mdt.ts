/**
 * The steps of the Microsoft Deployment Toolkit: those with a type of their own, and the scripts by which its steps
 * without a type are known. Source: Microsoft's "Toolkit reference" (Task sequence steps, Scripts, Properties).
 */
import type { RunIn } from "../tree.ts";

export interface ToolkitRow {
  /** Type as written, "BDD_Gather"; the script's name where the toolkit has no type for it. */
  type: string;
  title: string;
  runsIn: RunIn;
  /** As in configmgr.ts. Null: the toolkit's documentation does not list them, so that any is taken. */
  variables: string | null;
}

/** What the editor writes into every step that runs a command or a script without a type. */
const runAs =
  "RunAsUser SMSTSRunCommandLineUserName SMSTSRunCommandLineUserPassword LoadProfile PackageID WorkingDirectory";

export const toolkitSteps: readonly ToolkitRow[] = [
  row("BDD_Gather", "Gather", "GatherLocalOnly RulesFile"),
  row("BDD_Validate", "Validate", "ImageSize ImageProcessorSpeed ImageMemory VerifyOS"),
  row(
    "BDD_InstallOS",
    "Install Operating System",
    `OSGUID DestinationDisk DestinationPartition DestinationOSDriveLetter DestinationOSVariable
    DestinationOSRefresh DestinationOSInstallType`,
    "WinPE",
  ),
  row("BDD_UpgradeOS", "Upgrade Operating System", null, "FullOS"),
  row("BDD_InjectDrivers", "Inject Drivers", "DriverSelectionProfile DriverInjectionMode"),
  row("BDD_InstallUpdatesOffline", "Install Updates Offline", "PackageSelectionProfile SelectionProfile"),
  row(
    "BDD_InstallApplication",
    "Install Application",
    "ApplicationGUID ApplicationSuccessCodes",
    "WinPEandFullOS",
  ),
  row("BDD_RecoverDomainJoin", "Recover from Domain Join Failure", "DomainErrorRecovery", "FullOS"),
  row("BDD_RunPowerShellAction", "Run PowerShell Script", "ScriptName Parameters PackageID"),
  row("BDD_UsePackage", "Use Toolkit Package", "BDDPackageID=PackageID PackageID"),
  row("BDD_InstallRoles", "Install Roles and Features", "OSRoleIndex OSRoles OSRoleServices OSFeatures"),
  row(
    "BDD_UninstallRoles",
    "Uninstall Roles and Features",
    `OSRoleIndex OSRoles OSRoleServices OSFeatures CompletelyRemove UninstallOSRoles UninstallOSRoleServices
    UninstallOSFeatures`,
    "FullOS",
  ),
  row("BDD_ConfigureADDS", "Configure ADDS", null, "FullOS"),
  row("BDD_ConfigureDNS", "Configure DNS", null, "FullOS"),
  row("BDD_ConfigureDHCP", "Configure DHCP", null, "FullOS"),
  row("BDD_AuthorizeDHCP", "Authorize DHCP", null, "FullOS"),
  row("BDD_InstallLanguagePacksOffline", "Install Language Packs Offline", null, "WinPE"),
  row("BDD_InstallLanguagePacksOnline", "Install Language Packs Online", null, "FullOS"),
  row("BDD_ExecuteRunbook", "Execute Runbook", null),
  row("ZTIBIOSCheck", "Check BIOS", ""),
  row("ZTIConfigure", "Configure", ""),
  row("ZTINextPhase", "Next Phase", ""),
  row("ZTITatoo", "Tattoo", ""),
  row("ZTIOptIn", "Opt In to CEIP and WER", ""),
  row("ZTIWindowsUpdate", "Windows Update", "", "FullOS"),
  row("ZTIUserState", "Capture or Restore User State", ""),
  row("ZTIGroups", "Capture or Restore Groups", ""),
  row("ZTINICConfig", "Capture or Apply Network Settings", ""),
  row("ZTIBackup", "Back Up to an Image", ""),
  row("ZTIApplyGPOPack", "Apply Local GPO Package", "", "FullOS"),
  row("ZTICopyLogs", "Copy Logs", ""),
  row("ZTIDisableBDEProtectors", "Disable BDE Protectors", "", "FullOS"),
  row("ZTIBde", "Enable BitLocker (toolkit)", ""),
  row("ZTIMoveStateStore", "Move State Store", ""),
  row("ZTIConnect", "Connect to Deployment Share", ""),
  row("ZTICoalesce", "Coalesce Variables", "CoalescePattern CoalesceTarget"),
  row("ZTIModifyVars", "Modify Variables", ""),
  row("ZTIAppXmlGen", "Generate Application Migration File", "", "FullOS"),
  row(
    "ZTIVHDCreate",
    "Create Virtual Hard Disk",
    `VHDCreateDiffVHD VHDCreateFileName VHDCreateSizeMax VHDCreateSource VHDCreateType VHDInputVariable
    VHDOutputVariable`,
  ),
  row("ZTIWipeDisk", "Wipe Disk", "", "WinPE"),
  row("LTIApplyPE", "Apply Windows PE", ""),
  row("LTIApplyPost", "Post-Apply Cleanup", ""),
  row("LTICopyScripts", "Copy Scripts", ""),
  row("LTISysprep", "Sysprep", "", "FullOS"),
  row("LTISuspend", "Lite Touch Suspend", "", "FullOS"),
  row("LTICleanup", "Lite Touch Cleanup", ""),
  row("LTIOEM", "Prepare OEM Preload", ""),
];

/** The toolkit's scripts, in lower case, and the step each does. A script that is not here is a command like any. */
export const toolkitScripts: ReadonlyMap<string, string> = new Map([
  ...toolkitSteps
    .filter(({ type }) => /^(ZTI|LTI)/.test(type) && !type.startsWith("LTIApply"))
    .map(({ type }) => [type.toLowerCase(), type] as const),
  ["ztitattoo", "ZTITatoo"],
  ["ztigather", "BDD_Gather"],
  ["ztivalidate", "BDD_Validate"],
  ["ltiapply", "BDD_InstallOS"],
  ["ltiupgrade", "BDD_UpgradeOS"],
  ["ztidrivers", "BDD_InjectDrivers"],
  ["ztipatches", "BDD_InstallUpdatesOffline"],
  ["ztilanguagepacks", "BDD_InstallLanguagePacksOffline"],
  ["ztilangpacksonline", "BDD_InstallLanguagePacksOnline"],
  ["ztiapplications", "BDD_InstallApplication"],
  ["ztidomainjoin", "BDD_RecoverDomainJoin"],
  ["ztipowershell", "BDD_RunPowerShellAction"],
  ["ztisccm", "BDD_UsePackage"],
  ["ztiosrole", "BDD_InstallRoles"],
  ["zticonfigureadds", "BDD_ConfigureADDS"],
  ["zticonfiguredns", "BDD_ConfigureDNS"],
  ["zticonfiguredhcp", "BDD_ConfigureDHCP"],
  ["ztiauthorizedhcp", "BDD_AuthorizeDHCP"],
  ["ztiexecuterunbook", "BDD_ExecuteRunbook"],
  ["ztidiskpart", "PartitionDisk"],
  ["ztisetvariable", "SetVariable"],
]);

/** Variables of Configuration Manager's steps that only the toolkit's editor writes. */
export const toolkitVariables: ReadonlyMap<string, string> = new Map([
  [
    "EnableBitLocker",
    `OSDBitLockerTargetDrive=BdeTargetDriveLetter OSDBitLockerMode=BdeInstall
    OSDBitLockerStartupKeyDrive=BdeKeyLocation OSDBitLockerCreateRecoveryPassword=BdeRecoveryPassword BdePin
    OSDBitLockerWaitForEncryption=WaitForEncryption ${runAs}`,
  ],
  ["PartitionDisk", runAs],
  ["SetVariable", runAs],
  ["Reboot", "Message MessageTimeout Target"],
  ["ApplyNetworkSettings", "OSDAdapter#Description OSDAdapter#EnableDNSRegistration"],
]);

function row(
  type: string,
  title: string,
  variables: string | null,
  runsIn: RunIn = "WinPEandFullOS",
): ToolkitRow {
  return {
    type,
    title,
    runsIn,
    // An untyped step carries the run-as settings whatever its script takes.
    variables: variables === null ? null : `${variables} ${runAs}`,
  };
}
