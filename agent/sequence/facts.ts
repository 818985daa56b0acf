/**
 * The built-in variables that say what machine, system and run this is: names and values as "Task sequence variables"
 * (Configuration Manager) documents them. What is not known is not set.
 */

/** What the composition root knows of the machine and the run; empty text and null for what it does not know. */
export interface SequenceFacts {
  inPe: boolean;
  machineName: string;
  make: string;
  model: string;
  serialNumber: string;
  assetTag: string;
  smbiosUuid: string;
  macAddresses: readonly string[];
  ipAddresses: readonly string[];
  defaultGateways: readonly string[];
  uefi: boolean;
  secureBoot: "NA" | "Enabled" | "Disabled";
  launchMode: "SMS" | "UFD" | "UFD+FORMAT" | "CD" | "DVD" | "PXE" | "HD";
  /** "BootMedia", "FullMedia", "OEMMedia" or "PXE"; empty without media. */
  mediaType: "" | "BootMedia" | "FullMedia" | "OEMMedia" | "PXE";
  logPath: string;
  /** Where the run keeps its own files: SMSTSLocalDataDrive's folder, or the state folder. */
  dataPath: string;
  clientCache: string;
  /** The folder that stands for where users' state is kept over the whole run; empty without a site. */
  userStatePath: string;
  clientGuid: string;
  packageId: string;
  packageName: string;
  deploymentId: string;
  bootImageId: string;
  siteCode: string;
  organisation: string;
  managementPoint: string;
  managementPointPort: number | null;
  /** True when a person started it. */
  userStarted: boolean;
  /** Writes an operating system: type 2, else 1. */
  deploysSystem: boolean;
  timeZone: TimeZone | null;
  /** Windows found on the disks when a PE starts: "C:" and "C:\\Windows". */
  detectedWindows: { drive: string; folder: string } | null;
}

/** Minutes as Windows counts them, UTC minus local time; standard and daylight names empty when not known. */
export interface TimeZone {
  biasMinutes: number;
  standardName: string;
  daylightName: string;
}

/** In any order; every name begins with `_`. */
export function builtInVariables(facts: SequenceFacts): { name: string; value: string }[] {
  const of = (flag: boolean): string => (flag ? "true" : "false");
  const values: Record<string, string> = {
    _SMSTSInWinPE: of(facts.inPe),
    _SMSTSMachineName: facts.machineName,
    _SMSTSMake: facts.make,
    _SMSTSModel: facts.model,
    _SMSTSSerialNumber: facts.serialNumber,
    _SMSTSAssetTag: facts.assetTag,
    _SMSTSUUID: facts.smbiosUuid.toUpperCase(),
    _SMSTSMacAddresses: facts.macAddresses.map((address) => address.toUpperCase()).join(","),
    _SMSTSIPAddresses: facts.ipAddresses.join(","),
    _SMSTSDefaultGateways: facts.defaultGateways.join(","),
    // Set "when it detects a computer that's in UEFI mode", so it does not exist otherwise.
    _SMSTSBootUEFI: facts.uefi ? "true" : "",
    _TSSecureBoot: facts.secureBoot,
    _SMSTSLaunchMode: facts.launchMode,
    _SMSTSMediaType: facts.mediaType,
    _SMSTSLogPath: facts.logPath,
    _SMSTSMDataPath: facts.dataPath,
    _SMSTSClientCache: facts.clientCache,
    _SMSTSUserStatePath: facts.userStatePath,
    _SMSTSClientGUID: facts.clientGuid,
    _SMSTSPackageID: facts.packageId,
    _SMSTSPackageName: facts.packageName,
    _SMSTSAdvertID: facts.deploymentId,
    _SMSTSBootImageID: facts.bootImageId,
    _SMSTSSiteCode: facts.siteCode,
    _SMSTSOrgName: facts.organisation,
    _SMSTSMP: facts.managementPoint,
    _SMSTSMPPort: facts.managementPointPort === null ? "" : String(facts.managementPointPort),
    _SMSTSUseSSL: facts.managementPoint === "" ? "" : "true",
    _SMSTSUseCRL: facts.managementPoint === "" ? "" : "false",
    _SMSTSUserStarted: facts.launchMode === "SMS" ? of(facts.userStarted) : "",
    _SMSTSDownloadOnDemand: "true",
    _SMSTSRunFromDP: "false",
    _SMSTSType: facts.deploysSystem ? "2" : "1",
    _SMSTSWTG: "false",
    _SMSTSTimezone: facts.timeZone === null ? "" : timeZoneText(facts.timeZone),
    _OSDDetectedWinDrive: facts.detectedWindows?.drive ?? "",
    _OSDDetectedWinDir: facts.detectedWindows?.folder ?? "",
  };
  return Object.entries(values)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => ({ name, value }));
}

/** "Bias,StandardBias,DaylightBias,StandardDate…,DaylightDate…,StandardName,DaylightName"; dates of 0 do not change. */
function timeZoneText({ biasMinutes, daylightName, standardName }: TimeZone): string {
  const never = Array.from({ length: 16 }, () => "0");
  return [biasMinutes, 0, 0, ...never, standardName, daylightName].join(",");
}
