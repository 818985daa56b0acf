/**
 * Variables that are there although no step of a sequence sets them: what the engine, the toolkit's rules and the
 * operating system provide. Sources: "Task sequence variables" (Configuration Manager), "Toolkit reference:
 * Properties" (MDT), and the environment of a Windows process.
 */
import { builtInNames } from "../facts.ts";
import { stepTypes } from "../step-types.ts";
import { whyNeverSet } from "./never-set.ts";

const engine = `
  SetupCompletePause SMSTSAllowTokenAuthURLForACP SMSTSAssignmentsDownloadInterval SMSTSAssignmentsDownloadRetry
  SMSTSAssignUsersMode SMSTSDisableStatusRetry SMSTSDisableWow64Redirection SMSTSDownloadAbortCode
  SMSTSDownloadProgram SMSTSDownloadRetryCount SMSTSDownloadRetryDelay SMSTSDriverRequestConnectTimeOut
  SMSTSDriverRequestReceiveTimeOut SMSTSDriverRequestResolveTimeOut SMSTSDriverRequestSendTimeOut
  SMSTSErrorDialogTimeout SMSTSLanguageFolder SMSTSLocalDataDrive SMSTSMP SMSTSMPListRequestTimeoutEnabled
  SMSTSMPListRequestTimeout SMSTSPeerDownload SMSTSPeerRequestPort SMSTSPersistContent SMSTSPostAction
  SMSTSPreferredAdvertID SMSTSPreserveContent SMSTSRebootDelay SMSTSRebootDelayNext SMSTSRebootMessage
  SMSTSRebootRequested SMSTSRetryRequested SMSTSRunCommandLineAsUser SMSTSRunPowerShellAsUser
  SMSTSSoftwareUpdateScanTimeout SMSTSUDAUsers SMSTSWaitCcmexecOperationalTimeout SMSTSWaitForSecondReboot
  TSDebugMode TSDebugOnError TSDisableProgressUI TSErrorOnWarning TSProgressInfoLevel TSUEFIDrive WorkingDirectory
  OSDDoNotLogCommand OSDLogPowerShellParameters OSDTargetSystemDrive OSDTargetSystemRoot OSDStateStorePath
  OSDPreserveDriveLetter OSDAllowUnsignedDriver VolleyStatePaths`;

/** Set by ZTIGather, the wizard or the rules file before any step runs. */
const toolkit = `
  _DoNotCleanLiteTouch AdminPassword Administrators ApplyGPOPack AreaCode Architecture AssetTag AutoMode BackupDir
  BackupDrive BackupFile BackupShare BDEAllowAlphaNumericPin BDEDriveLetter BDEDriveSize BDEInstall
  BDEInstallSuppress BDEKeyLocation BDEPin BDERecoveryKey BDERequired BDEWaitForEncryption BitsPerPel
  BootPE CapableArchitecture CaptureGroups CaptureTest ChildName CommonAppPath ComputerBackupLocation ComputerName
  ConfigFileName ConfigFilePackage ConfirmGC CountryCode Cryptosafe CustomWizard Database DataPath DBID DBPwd
  DebugMode DefaultGateway DeploymentMethod DeploymentType DeployRoot DestinationDisk DestinationLogicalDrive
  DestinationPartition DestinationOSDriveLetter DestinationOSVariable DHCPScopes Dialing DisableTaskMgr
  DNSServer DoCapture DomainAdmin DomainAdminDomain DomainAdminPassword DomainErrorRecovery DomainLevel
  DomainNetBiosName DoNotCreateExtraPartition DoNotFormatAndPartition DriverGroup DriverInjectionMode DriverPaths
  DriverSelectionProfile EventService EventShare FinishAction ForceApplyFallback ForestLevel FullName GPOPackPath
  Groups HALName HideShell HideTaskMgr Home_page HostName ImageFlags ImageIndex ImageMemory ImagePackageID
  ImageProcessorSpeed ImageSize InputLocale InstallDFS InstallFRS InstallPackageID IPAddress IsDesktop
  IsLaptop IsServer IsServerOS IsUEFI IsVM JoinDomain JoinWorkgroup
  KeyboardLocale KeyboardLocalePE LanguagePacks LoadStateArgs LogPath LongDistanceAccess MacAddress MachineObjectOU
  Make Mandatory_Applications MandatoryApplications Memory Model NetLib NewDomain NewDomainDNSName OrgName
  OSArchitecture OSCurrentBuild OSCurrentVersion OSDComputerName OSDisk OSDVersion OSFeatures OSGUID OSInstall
  OSRoleIndex OSRoles OSRoleServices OSVersion OSVersionNumber OverrideProductKey PackageGroup Packages
  PackageSelectionProfile Parameters ParentDomainDNSName Password Phase Port PowerUsers PrepareWinRE Priority
  ProcessorSpeed ProductKey Properties ReplicaDomainDNSName ReplicaOrNewDomain ReplicationSourceDC
  ResourceDrive ResourceRoot Role RulesFile SafeModeAdminPassword ScanStateArgs ScriptRoot SerialNumber SiteName
  SkipAdminPassword SkipApplications SkipBitLocker SkipBuild SkipCapture SkipComputerBackup SkipComputerName
  SkipDomainMembership SkipFinalSummary SkipGroupSubFolders SkipLocaleSelection SkipPackageDisplay SkipProductKey
  SkipRearm SkipRoles SkipSummary SkipTaskSequence SkipTimeZone SkipUserData SkipWizard SLShare SLShareDynamicLogging
  SMSTSAssignUserMode SMSTSRunCommandLineUserName SMSTSRunCommandLineUserPassword StateFilesDrive StatePath
  StoredProcedure Supports64Bit SupportsX64 SupportsX86 SysVolPath Table
  TaskSequenceID TaskSequenceName TimeZone TimeZoneName ToolRoot TPMOwnerPassword UDDir UDProfiles
  UDShare UILanguage UserDataLocation UserDomain UserID UserLocale UserPassword USMTConfigFile USMTLocal
  USMTMigFiles USMTOfflineMigration UUID ValidateDomainCredentialsUNC VerifyOS VHDCreateDiffVHD VHDCreateFilename
  VHDCreateSizeMax VHDCreateSource VHDCreateType VHDDisks VHDInputVariable VHDOutputVariable VHDTargetDisk VMPlatform
  VRefresh VSSMaxSize WDSServer WelcomeWizard WimFile WindowsSource WipeDisk WizardSelectionProfile WsusServer
  WUMU_ExcludeKB WUMU_ExcludeID XResolution YResolution SystemLocale BdeTargetDriveLetter TargetOS
  ApplicationGUID ApplicationSuccessCodes`;

const process = `
  AllUsersProfile AppData CommonProgramFiles CommonProgramFiles(x86) CommonProgramW6432 ComputerName ComSpec Date
  DriverData ErrorLevel CD CmdCmdLine HighestNumaNodeNumber HomeDrive HomePath HomeShare LocalAppData LogonServer
  Number_Of_Processors OneDrive OS Path PathExt Processor_Architecture Processor_ArchiteW6432 Processor_Identifier
  Processor_Level Processor_Revision ProgramData ProgramFiles ProgramFiles(x86) ProgramW6432 PSModulePath Public
  Random SessionName SystemDrive SystemRoot Temp Time Tmp UserDnsDomain UserDomain UserName UserProfile WinDir`;

const known = new Set<string>();
for (const name of `${engine} ${toolkit} ${process}`.split(/\s+/)) known.add(name.toLowerCase());
for (const { variables } of stepTypes) for (const name of variables) known.add(name.toLowerCase());

/** What begins so is the engine's and its steps' alone to set. */
const engineOwn = /^_(smsts|ts|osddetected)/;

/** Beside those of the machine and the run: how far it is, and what steps found out. */
const found = `
  _SMSTSCurrentActionName _SMSTSInstructionTableSize _SMSTSLastActionName _SMSTSLastActionRetCode
  _SMSTSAppInstallNeedsRetry _SMSTSLastActionSucceeded _SMSTSLastContentDownloadLocation
  _SMSTSNextInstructionPointer _SMSTSOrgName _SMSTSOSUpgradeActionReturnCode _SMSTSSetupRollback
  _TSAppInstallStatus`;
for (const name of [...builtInNames, ...found.trim().split(/\s+/)]) known.add(name.toLowerCase());

/** Why a variable that others set is never set here, a phrase; null for one that somebody may set. */
export function whyEmpty(name: string): string | null {
  const why = whyNeverSet(name);
  if (why !== null) return why;
  const isEngines = engineOwn.test(name.toLowerCase()) && !isKnownVariable(name);
  return isEngines ? "it is the engine's to set, and this one never does" : null;
}

/** Those of the engine itself, as documented. */
export const engineVariables: readonly string[] = engine.trim().split(/\s+/);

export function isKnownVariable(name: string): boolean {
  const lower = name.toLowerCase();
  if (known.has(lower) || /^_(ts_cr|osdgather)/.test(lower)) return true;
  // Indexes of arrays, and of the toolkit's lists (Applications001, MACAddress001).
  const indexed = lower.replace(/\d+/, "#");
  return indexed !== lower && (known.has(indexed) || known.has(lower.replace(/\d{1,3}$/, "")));
}
