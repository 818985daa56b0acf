/**
 * Documented variables that have no meaning here, with the reason: a sequence that sets one is told, so that nobody waits for
 * what it would do elsewhere. Sources: "Task sequence variables" and "Task sequence steps" (Configuration Manager).
 */
import type { Sequence, SequenceStep } from "../tree.ts";
import { walkNodes } from "../walk.ts";
import { namesSetBy } from "./named-variables.ts";

interface Idle {
  names: string;
  reason: string;
}

const oldWindows = "only Windows before Vista has what it is for";
const noFilter = "Windows has had no TCP/IP filtering since Vista";
const noProvider = "content comes from the site, by multicast and by HTTPS, and no other program fetches it";
const noAffinity = "user device affinity is kept by a Configuration Manager site";
const ownSite = "the site is named on the medium or at the start, together with whom to trust";
const noWizard = "there is no wizard whose pages could be left out: nothing is asked";
const nobodyLoggedOn = "nobody is logged on while the sequence runs";
const modems = "only Windows before Vista asked for it";
const stays = "packages that were fetched stay in the agent's folder in any case";

const idle: readonly Idle[] = [
  { names: "SMSTSAllowTokenAuthURLForACP SMSTSDownloadProgram SMSTSDownloadAbortCode", reason: noProvider },
  {
    names: "SMSTSAssignmentsDownloadInterval SMSTSAssignmentsDownloadRetry",
    reason: "it is for the time before there is a sequence; the agent asks its site until there is one",
  },
  { names: "SMSTSAssignUsersMode SMSTSAssignUserMode SMSTSUDAUsers", reason: noAffinity },
  {
    names: "SMSTSDisableStatusRetry",
    reason: "status messages wait in the agent's outbox and never hold a step up",
  },
  {
    names: "SMSTSDisableWow64Redirection=DisableWow64Redirection",
    reason: "the agent is a 64-bit program, and nothing that it starts is redirected",
  },
  { names: "SMSTSLanguageFolder", reason: "the agent's screen has one language" },
  { names: "SMSTSLocalDataDrive", reason: "the agent keeps its files in its own folder (--state)" },
  { names: "SMSTSMP SMSTSMPListRequestTimeoutEnabled SMSTSMPListRequestTimeout", reason: ownSite },
  {
    names: "SMSTSPeerDownload SMSTSPeerRequestPort",
    reason: "machines do not fetch from each other: one multicast is for all of them",
  },
  { names: "SMSTSPersistContent SMSTSPreserveContent OSDAppClearCache=ClearCache", reason: stays },
  {
    names:
      "_SMSClientPackageID=ClientPackageID _SMSClientPreProductionPackageID=ClientPreProductionPackageID SMSClientInstallProperties=ClientInstallProperties",
    reason: "the agent of Volley goes on in the new system, and no Configuration Manager client is installed",
  },
  { names: "SMSTSUninstallCCMClient", reason: "there is no Configuration Manager client to remove" },
  {
    names: "OSDSysprepPackageID=SysprepPackageID _OSDSysprepPackageID",
    reason: "Sysprep has been part of Windows since Windows Vista",
  },
  { names: "SMSTSPreferredAdvertID", reason: "which deployment a machine runs is said at the site" },
  { names: "SMSTSWaitCcmexecOperationalTimeout", reason: "there is no Configuration Manager client" },
  { names: "TSErrorOnWarning", reason: "the site's applications have no requirements that could warn" },
  {
    names: "TSUEFIDrive",
    reason:
      "the boot image starts from the network or a medium; the firmware's mode is set by a step of one's own",
  },
  {
    names: "OSDPreserveDriveLetter=PreserveDriveLetter",
    reason:
      "Configuration Manager has not read it since version 1606: Windows' setup gives its volume the letter, C: as a rule",
  },
  {
    names:
      "OSDServerLicenseConnectionLimit=ServerLicenseConnectionLimit OSDServerLicenseMode=ServerLicenseMode",
    reason: oldWindows,
  },
  { names: "OSDDiskpartBiosCompatibilityMode=DiskpartBiosCompatibilityMode", reason: oldWindows },
  { names: "OSDBuildStorageDriverList=BuildStorageDriverList", reason: oldWindows },
  {
    names:
      "OSDApplyDriverBootCriticalDriverID=BootCriticalDriverID OSDApplyDriverBootCriticalContentUniqueID=BootCriticalContentUniqueID OSDApplyDriverBootCriticalHardwareComponent=BootCriticalHardwareComponent OSDApplyDriverBootCriticalID=BootCriticalID OSDApplyDriverBootCriticalINFFile=BootCriticalINFFile",
    reason: oldWindows,
  },
  {
    names:
      "OSDFeatureUpdateAssignmentID=FeatureUpdateAssignmentId OSDUpgradeFeatureUpdateName=FeatureUpdateName",
    reason: "feature updates are a software update point's; an upgrade package is needed",
  },
  {
    names:
      "OSDAdapter#EnableIPProtocolFiltering OSDAdapter#EnableTCPFiltering OSDAdapter#EnableUDPFiltering OSDAdapter#EnableTCPIPFiltering OSDEnableTCPIPFiltering OSDAdapter#IPProtocolFilterList OSDAdapter#TCPFilterPortList OSDAdapter#UDPFilterPortList",
    reason: noFilter,
  },
  {
    names: "OSDStateFallbackToNAA=FallbackToNAA",
    reason: "a machine speaks to the state store as itself, and there is no network access account",
  },
  {
    names:
      "SkipAdminAccounts SkipAdminPassword SkipApplications SkipAppsOnUpgrade SkipBDDWelcome SkipBitLocker SkipBuild SkipCapture SkipComputerBackup SkipComputerName SkipCredentials SkipDeploymentType SkipDomainMembership SkipFinalSummary SkipLocaleSelection SkipPackageDisplay SkipProductKey SkipRoles SkipSummary SkipTaskSequence SkipTimeZone SkipUserData SkipWizard WelcomeWizard CustomWizard CustomWizardSelectionProfile WizardSelectionProfile DomainOUs#",
    reason: noWizard,
  },
  { names: "HideShell DisableTaskMgr HideTaskMgr", reason: nobodyLoggedOn },
  {
    names: "EventService EventShare SLShareDynamicLogging",
    reason: "the site shows how far every machine is, and keeps what its steps said",
  },
  {
    names: "FinishAction",
    reason: "the computer stays as the last step leaves it; SMSTSPostAction names a command for the end",
  },
  {
    names: "SkipGroupSubFolders",
    reason: "a group is one category of the site's drivers, and has no folders below it",
  },
  { names: "SkipRearm", reason: "Office 2010 is not given a new period of grace in any case" },
  { names: "BuildID", reason: "which task sequence a machine runs is said by its deployment" },
  {
    names: "BackupDrive BackupDisk BackupPartition",
    reason: "the volume with the Windows is backed up, and no other",
  },
  {
    names: "CustomDriverSelectionProfile CustomPackageSelectionProfile",
    reason: "DriverSelectionProfile and PackageSelectionProfile say what is taken",
  },
  {
    names: "DriverPaths#",
    reason: "drivers are the site's, by categories (DriverSelectionProfile, DriverGroup001) or packages",
  },
  { names: "PackageGroup#", reason: "packages of Windows are named by PackageSelectionProfile" },
  { names: "KeyboardLocalePE", reason: "nobody types in the PE" },
  { names: "OSDDiskAlign OSDDiskOffset", reason: "partitions begin on whole mebibytes" },
  {
    names: "OverrideProductKey",
    reason: "ProductKey is what Windows is given, also a multiple activation key",
  },
  { names: "PrepareWinRE", reason: "the recovery environment is the image's own" },
  { names: "VSSMaxSize", reason: "no shadow copies are made whose room it would bound" },
  {
    names: "DoNotCreateExtraPartition BDEDriveLetter BDEDriveSize",
    reason: "the partitions are those that Format and Partition Disk lists, and none is added",
  },
  {
    names: "ForceApplyFallback",
    reason: "an image is always applied, never installed by setup.exe",
  },
  { names: "TPMOwnerPassword", reason: "Windows has kept no TPM owner password since Windows 10 1607" },
  { names: "AreaCode CountryCode Dialing LongDistanceAccess NetLib HALName", reason: modems },
  { names: "Home_Page", reason: "it is Internet Explorer's" },
  {
    names: "ResourceRoot ResourceDrive ValidateDomainCredentialsUNC WDSServer",
    reason: "content comes from the site, and Connect To Network Folder connects to a share",
  },
  { names: "LoadProfile", reason: "what runs as another account has that account's profile anyway" },
];

const reasons = new Map<string, string>();
for (const { names, reason } of idle) {
  for (const word of names.split(" ")) {
    for (const name of word.split("=")) reasons.set(name.toLowerCase(), reason);
  }
}

export const idleNames: ReadonlySet<string> = new Set(reasons.keys());

const indexed = (name: string): string => name.trim().toLowerCase().replace(/\d+/, "#");

interface Found {
  line: number;
  text: string;
}

/** Each variable once, where it is first set to something. Disabled steps count: they may be enabled. */
export function idleVariables(sequence: Sequence): Found[] {
  const found = new Map<string, Found>();
  const note = (name: string, line: number): void => {
    const key = name.trim().toLowerCase();
    const reason = reasons.get(indexed(name));
    if (reason === undefined || found.has(key)) return;
    found.set(key, { line, text: `${name.trim().slice(0, 80)} does nothing here: ${reason}` });
  };
  for (const { line, name, value } of sequence.globalVariables) if (asks(value)) note(name, line);
  for (const { node, leaving } of walkNodes(sequence.nodes)) {
    if (!leaving && node.kind === "step") for (const [name, line] of setBy(node)) note(name, line);
  }
  return [...found.values()];
}

/** What the console writes for a box that is not ticked asks for nothing. */
const asks = (value: string): boolean => !/^(|0|false|no|00000000)$/i.test(value.trim());

function* setBy(step: SequenceStep): Generator<[string, number]> {
  for (const variable of step.variables) {
    const { line, name, property, value } = variable;
    for (const set of namesSetBy(variable)) yield [set, line];
    if (asks(value)) yield [reasons.has(indexed(name)) ? name : property, line];
  }
}
