/**
 * The steps of Configuration Manager: class, name in the console's menu, where the documentation says it runs, and its
 * variables. Source: Microsoft's pages "SMS_TaskSequence_<type>Action server WMI class", "Task sequence steps" and
 * "Task sequence variables". A variable is written `Variable=Property`, or as one word when both are the same; `#`
 * stands for the index of an array.
 */
import type { RunIn } from "../tree.ts";

export interface StepTypeRow {
  type: string;
  title: string;
  runsIn: RunIn;
  variables: string;
}

const partition = [
  "Type",
  "FileSystem",
  "Bootable",
  "QuickFormat",
  "VolumeName",
  "Size",
  "SizeUnits",
  "VolumeLetterVariable",
  "AssignVolumeLetter",
]
  .map((property) => `OSDPartitions#${property}=Partitions#${property}`)
  .join(" ");

const adapter = [
  ..."DNSServerList DNSDomain DNSSuffix EnableDHCP EnableDNSRegistration EnableFullDNSRegistration".split(
    " ",
  ),
  ..."EnableIPProtocolFiltering EnableLMHOSTS EnableTCPFiltering EnableUDPFiltering EnableWINS".split(" "),
  ..."GatewayCostMetric GatewayCostMetrics Gateways Index IPAddressList IPProtocolFilterList".split(" "),
  ..."MACAddress Name SubnetMask TCPFilterPortList TcpipNetbiosOptions UDPFilterPortList".split(" "),
  ..."WINSServerList Description".split(" "),
]
  .map((property) => `OSDAdapter#${property}=Adapters#${property}`)
  .join(" ");

const domain = "OSDJoinPassword=DomainPassword OSDJoinAccount=DomainUsername";
const destination = "DestinationDisk DestinationLogicalDrive DestinationPartition DestinationVariable";

export const configurationManagerSteps: readonly StepTypeRow[] = [
  row(
    "ApplyOperatingSystem",
    "Apply Operating System Image",
    "WinPE",
    `OSDConfigFileName=ConfigFileName ConfigFilePackage ${destination} OSDImageIndex=ImageIndex ImagePackageID
    OSDInstallEditionIndex=InstallEditionIndex InstallPackageID RunFromNet OsdLayeredDriver=LayeredDriver
    OSDPreserveDriveLetter=PreserveDriveLetter`,
  ),
  row(
    "ApplyDataImage",
    "Apply Data Image",
    "WinPE",
    `${destination} OSDDataImageIndex=ImageIndex ImagePackageID RunFromNet
    OSDWipeDestinationPartition=WipeDestinationPartition`,
  ),
  row(
    "ApplyDriverPackage",
    "Apply Driver Package",
    "WinPE",
    `OSDApplyDriverDriverPackageID=DriverPackageID BootCriticalDriverID
    OSDApplyDriverBootCriticalDriverID=BootCriticalDriverID
    OSDApplyDriverBootCriticalContentUniqueID=BootCriticalContentUniqueID
    OSDApplyDriverBootCriticalHardwareComponent=BootCriticalHardwareComponent
    OSDApplyDriverBootCriticalID=BootCriticalID OSDApplyDriverBootCriticalINFFile=BootCriticalINFFile
    OSDAllowUnsignedDriver=UnsignedDriver OSDRecurse=Recurse
    OSDInstallDriversAdditionalOptions=AdditionalOptions`,
  ),
  row(
    "AutoApply",
    "Auto Apply Drivers",
    "WinPE",
    `OSDAutoApplyDriverBestMatch=BestMatch OSDAutoApplyDriverCategoryList=CategoryList
    OSDAllowUnsignedDriver=UnsignedDriver`,
  ),
  row(
    "ApplyNetworkSettings",
    "Apply Network Settings",
    "WinPE",
    `OSDAdapter=Adapters OSDAdapterCount=NumAdapters ${adapter} OSDDNSDomain=DNSDomain
    OSDDNSSuffixSearchOrder=DNSSuffixSearchOrder OSDDomainName=DomainName OSDDomainOUName=DomainOUName ${domain}
    OSDEnableTCPIPFiltering=EnableTCPIPFiltering OSDNetworkJoinType=NetworkJoinType
    OSDWorkgroupName=WorkgroupName`,
  ),
  row(
    "ApplyWindowsSettings",
    "Apply Windows Settings",
    "WinPE",
    `OSDLocalAdminPassword=AdminPassword OSDComputerName=ComputerName OSDProductKey=ProductKey
    OSDRandomAdminPassword=RandomAdminPassword OSDRegisteredOrgName=RegisteredOrgName
    OSDRegisteredUserName=RegisteredUserName OSDServerLicenseConnectionLimit=ServerLicenseConnectionLimit
    OSDServerLicenseMode=ServerLicenseMode OSDTimeZone=TimeZone OSDWindowsSettingsInputLocale=InputLocale
    OSDWindowsSettingsSystemLocale=SystemLocale OSDWindowsSettingsUILanguage=UILanguage
    OSDWindowsSettingsUILanguageFallback=UILanguageFallback OSDWindowsSettingsUserLocale=UserLocale`,
  ),
  row(
    "PartitionDisk",
    "Format and Partition Disk",
    "WinPE",
    `OSDDiskIndex=DiskIndex OSDDiskIndexVariable=DiskIndexVariable OSDDiskType=DiskType
    OSDDiskpartBiosCompatibilityMode=DiskpartBiosCompatibilityMode OSDGPTBootDisk=GPTBootDisk
    OSDPartitions=Partitions OSDPartitionStyle=PartitionStyle ${partition} OSDDiskPartitions#Type
    DoNotCreateExtraPartition`,
  ),
  row("ConvertDisk", "Convert Disk to Dynamic", "WinPEandFullOS", "OSDConvertDiskIndex=DiskIndex"),
  row(
    "SetupWindowsAndSMS",
    "Setup Windows and ConfigMgr",
    "WinPEandFullOS",
    `SMSClientInstallProperties=ClientInstallProperties _SMSClientPackageID=ClientPackageID
    _SMSClientPreProductionPackageID=ClientPreProductionPackageID`,
  ),
  row(
    "Reboot",
    "Restart Computer",
    "WinPEandFullOS",
    "SMSRebootMessage=Message SMSRebootTimeout=MessageTimeout SMSRebootTarget=Target",
  ),
  row(
    "RunCommandLine",
    "Run Command Line",
    "WinPEandFullOS",
    `CommandLine SMSTSDisableWow64Redirection=DisableWow64Redirection PackageID RunAsUser LoadProfile
    SMSTSRunCommandLineOutputVariableName=OutputVariableName _SMSTSRunCommandLineAsUser=RunAsUser SuccessCodes
    SMSTSRunCommandLineUserName=UserName SMSTSRunCommandLineUserPassword=UserPassword WorkingDirectory`,
  ),
  row(
    "RunPowerShellScript",
    "Run PowerShell Script",
    "WinPEandFullOS",
    `OSDRunPowerShellScriptExecutionPolicy=ExecutionPolicy OSDRunPowerShellScriptPackageID=PackageID
    OSDRunPowerShellScriptOutputVariableName=OutputVariableName OSDRunPowerShellScriptParameters=Parameters
    _SMSTSRunPowerShellAsUser=RunAsUser OSDRunPowerShellScriptScriptName=ScriptName
    OSDRunPowerShellScriptSourceScript=SourceScript OSDRunPowerShellScriptSuccessCodes=SuccessCodes
    SMSTSRunPowerShellUserName=UserName SMSTSRunPowerShellUserPassword=UserPassword
    SMSTSRunPowerShellWorkingDirectory=WorkingDirectory`,
  ),
  row(
    "SetVariable",
    "Set Task Sequence Variable",
    "WinPEandFullOS",
    "VariableName VariableValue DoNotShowVariableValue",
  ),
  row("SetDynamicVariables", "Set Dynamic Variables", "WinPEandFullOS", "OSDSetDynamicVariablesRules=Rules"),
  row(
    "PrestartCheck",
    "Check Readiness",
    "WinPEandFullOS",
    `OSDCheckCMClientMinVersion=CheckCMClientMinVersion OSDCheckDeviceUEFI=CheckDeviceUEFI
    OSDCheckFreeDiskSpace=CheckFreeDiskSpace OSDCheckMaxOsVersion=CheckMaxOSVersion OSDCheckMemory=CheckMemory
    OSDCheckMinOSVersion=CheckMinOSVersion OSDCheckNetworkConnected=CheckNetworkConnected
    OSDCheckNetworkWired=CheckNetworkWired OSDCheckOSArchitecture=CheckOSArchitecture
    OSDCheckOSLanguageID=CheckOSLanguageID OSDCheckOSType=CheckOSType OSDCheckPowerState=CheckPowerState
    OSDCheckProcessorSpeed=CheckProcessorSpeed OSDCheckTPMActivated=CheckTPMActivated
    OSDCheckTPMEnabled=CheckTPMEnabled OSDCMClientMinVersion=CMClientMinVersion OSDFreeDiskSpace=FreeDiskSpace
    OSDMaxOSVersion=MaxOSVersion OSDMemory=Memory OSDMinOSVersion=MinOSVersion OSDOSArchitecture=OSArchitecture
    OSDOSLanguageID=OSLanguageID OSDOSType=OSType OSDProcessorSpeed=ProcessorSpeed`,
  ),
  row(
    "DownloadPackageContent",
    "Download Package Content",
    "WinPEandFullOS",
    `OSDDownloadContinueDownloadOnError=ContinueDownloadOnError OSDDownloadDestinationPath=DestinationCustomPath
    OSDDownloadDestinationLocationType=DestinationLocationType OSDDownloadDestinationVariable=DestinationVariable
    OSDDownloadDownloadPackages=DownloadPackages OSDPackageCount=NumPackages OSDPackage=PackageInfo
    OSDPackage#Name=PackageInfo#Name OSDPackage#PackageId=PackageInfo#PackageId
    OSDPackage#PkgType=PackageInfo#PkgType OSDPackage#Size=PackageInfo#Size
    OSDPackage#Description=PackageInfo#Description`,
  ),
  row(
    "InstallApplication",
    "Install Application",
    "FullOS",
    `ApplicationName BaseVariableName ContinueOnInstallError RetryCount OSDAppClearCache=ClearCache
    OSDAppCount=NumApps OSDApp=AppInfo OSDApp#Name=AppInfo#Name OSDApp#DisplayName=AppInfo#DisplayName
    OSDApp#Description=AppInfo#Description OSDAppInstallRetries OSDAppInstallRetryTimeout TSErrorOnWarning`,
  ),
  row(
    "InstallSoftware",
    "Install Package",
    "FullOS",
    `BaseVariableName ContinueOnInstallError PackageID _SMSSWDProgramName=ProgramName
    OSDDoNotLogCommand=DoNotLogCommand`,
  ),
  row(
    "InstallUpdate",
    "Install Software Updates",
    "FullOS",
    `RetryCount SMSInstallUpdateTarget=Target SMSTSSoftwareUpdateScanUseCache=UseCache
    SMSTSSoftwareUpdateScanTimeout SMSTSWaitForSecondReboot`,
  ),
  row(
    "JoinDomainWorkgroup",
    "Join Domain or Workgroup",
    "FullOS",
    `OSDJoinDomainName=DomainName OSDJoinDomainOUName=DomainOUName ${domain} OSDJoinSkipReboot=SkipReboot
    OSDJoinType=Type OSDJoinWorkgroupName=WorkgroupName`,
  ),
  row(
    "ConnectNetworkFolder",
    "Connect To Network Folder",
    "WinPEandFullOS",
    `SMSConnectNetworkFolderDriveLetter=DriveLetter SMSConnectNetworkFolderPassword=Password
    SMSConnectNetworkFolderPath=Path SMSConnectNetworkFolderAccount=Username`,
  ),
  row(
    "EnableBitLocker",
    "Enable BitLocker",
    "FullOS",
    `OSDBitLockerCreateRecoveryPassword=CreateRecoveryPassword OSDBitLockerEncryptFullDisk=EncryptFullDisk
    OSDBitLockerEncryptMethod=EncryptMethod OSDBitLockerMode=Mode OSDBitLockerPIN=PIN
    OSDBitLockerSkipWhenNoValidTPM=SkipWhenNoValidTPM OSDBitLockerStartupKeyDrive=StartupKeyDrive
    OSDBitLockerTargetDrive=TargetDrive OSDBitLockerWaitForEncryption=WaitForEncryption
    OSDBitLockerRecoveryPassword OSDBitLockerStartupKey OSDRecoveryKeyPollingFrequency
    OSDRecoveryKeyPollingTimeout`,
  ),
  row(
    "DisableBitLocker",
    "Disable BitLocker",
    "FullOS",
    `OSDBitLockerRebootCount=RebootCount OSDBitLockerTargetDrive=TargetDrive
    OSDBitLockerRebootCountOverride=RebootCountOverride`,
  ),
  row(
    "OfflineEnableBitLocker",
    "Pre-provision BitLocker",
    "WinPE",
    `OSDOfflineBitLockerTargetDrive=TargetDrive OSDOfflineBitLockerEncryptFullDisk=EncryptFullDisk
    OSDOfflineBitLockerEncryptMethod=EncryptMethod OSDOfflineBitLockerSkipWhenNoValidTPM=SkipWhenNoValidTPM
    OSDOfflineBitLockerSkipWhenTPMInvalid=SkipWhenTPMInvalid OSDBitLockerEncryptFullDisk=EncryptFullDisk
    OSDBitLockerEncryptMethod=EncryptMethod OSDBitLockerSkipWhenTPMInvalid=SkipWhenTPMInvalid
    OSDBitLockerTargetDrive=TargetDrive DestinationDisk DestinationLogicalDrive DestinationPartition
    DestinationVariable`,
  ),
  row(
    "CaptureNetworkSettings",
    "Capture Network Settings",
    "FullOS",
    `OSDMigrateAdapterSettings=MigrateAdapterSettings OSDMigrateNetworkMembership=MigrateNetworkMembership`,
  ),
  row(
    "CaptureWindowsSettings",
    "Capture Windows Settings",
    "WinPEandFullOS",
    `OSDMigrateComputerName=MigrateComputerName OSDMigrateRegistrationInfo=MigrateRegistrationInfo
    OSDMigrateTimeZone=MigrateTimeZone`,
  ),
  row(
    "RequestStateStore",
    "Request State Store",
    "WinPEandFullOS",
    `OSDStateFallbackToNAA=FallbackToNAA RequestType OSDStateRequestType=RequestType
    OSDStateSMPRetryCount=SMPRetryCount OSDStateSMPRetryTime=SMPRetryTime OSDStateStorePath`,
  ),
  row("ReleaseStateStore", "Release State Store", "FullOS", "OSDStateStorePath"),
  row(
    "CaptureUserState",
    "Capture User State",
    "WinPEandFullOS",
    `OSDMigrateConfigFiles=ConfigFiles OSDMigrateContinueOnLockedFiles=ContinueOnLockedFiles
    OSDMigrateEnableVerboseLogging=EnableVerboseLogging OSDMigrateFileAccess=FileAccess OSDMigrateMode=Mode
    _OSDMigrateOfflineUserState=OfflineUserState OSDMigrateSkipEncryptedFiles=SkipEncryptedFiles
    _OSDMigrateUseHardlinks=UseHardlinks _OSDMigrateUsmtPackageID=UsmtPackageID
    OSDMigrateAdditionalCaptureOptions OSDStateStorePath`,
  ),
  row(
    "RestoreUserState",
    "Restore User State",
    "FullOS",
    `OSDMigrateConfigFiles=ConfigFiles OSDMigrateContinueOnRestore=ContinueOnRestore
    OSDMigrateEnableVerboseLogging=EnableVerboseLogging OSDMigrateLocalAccountPassword=LocalAccountPassword
    OSDMigrateLocalAccounts=LocalAccounts OSDMigrateMode=Mode
    _OSDMigrateUsmtRestorePackageID=UsmtRestorePackageID OSDMigrateAdditionalRestoreOptions OSDStateStorePath`,
  ),
  row(
    "CaptureSystemImage",
    "Capture Operating System Image",
    "WinPE",
    `OSDCaptureDestination=CaptureDestination OSDCaptureAccountPassword=CapturePassword
    OSDCaptureAccount=CaptureUsername OSDImageCreator=ImageCreator OSDImageDescription=ImageDescription
    OSDImageVersion=ImageVersion OSDTargetSystemRoot`,
  ),
  row(
    "PrepareOS",
    "Prepare Windows for Capture",
    "FullOS",
    `OSDBuildStorageDriverList=BuildStorageDriverList OSDKeepActivation=KeepActivation
    OSDShutdownPreparedOs=ShutdownPreparedOs ShutdownPreparedOs OSDTargetSystemRoot`,
  ),
  row("PrepareSMSClient", "Prepare ConfigMgr Client for Capture", "FullOS", ""),
  row(
    "InstallDeployTools",
    "Install Deployment Tools",
    "FullOS",
    "OSDSysprepPackageID=SysprepPackageID SysprepPackageID _OSDSysprepPackageID=SysprepPackageID",
  ),
  row(
    "UpgradeOperatingSystem",
    "Upgrade Operating System",
    "FullOS",
    `OSDUpgradeDriverPackageID=DriverPackageID OSDUpgradeDynamicUpdateSettings=DynamicUpdateSettings
    OSDFeatureUpdateAssignmentID=FeatureUpdateAssignmentId OSDUpgradeFeatureUpdateName=FeatureUpdateName
    OSDUpgradeIgnoreMessages=IgnoreMessages OSDUpgradeInstallEditionIndex=InstallEditionIndex
    OSDUpgradeInstallPackageID=InstallPackageID OSDUpgradeInstallPath=InstallPath
    OSDUpgradeOsProductKey=OsProductKey OSDUpgradePreserveSettings=PreserveSettings
    OSDUpgradeScanOnly=ScanOnly OSDUpgradeSetupTimeout=SetupTimeout OSDUpgradeStagedContent=StagedContent
    OSDSetupAdditionalUpgradeOptions SetupCompletePause`,
  ),
  row(
    "SubTasksequence",
    "Run Task Sequence",
    "WinPEandFullOS",
    `OSDSubTasksequenceTsName=TsName OSDSubTasksequencePackageID=TsPackageID
    OSDSubTasksequenceTsReferenceApplications=TsReferenceApplications
    OSDSubTasksequenceTsReferencePackages=TsReferencePackages SubTaskSequenceGUID SubTaskSequenceID`,
  ),
];

function row(type: string, title: string, runsIn: RunIn, variables: string): StepTypeRow {
  return { type, title, runsIn, variables };
}
