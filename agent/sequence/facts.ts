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
  /** Empty when the sequence names none. */
  bootImageId: string;
  deploymentId: string;
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

/** Minutes as Windows counts them: UTC minus local time, and what is added while daylight saving time is. */
export interface TimeZone {
  biasMinutes: number;
  daylightBiasMinutes: number;
  /** When each begins; null in a zone that does not change. */
  standardDate: ChangeRule | null;
  daylightDate: ChangeRule | null;
  standardName: string;
  daylightName: string;
}

/** In each year; weekday 0 is Sunday, and week 5 of a month is its last. The time is that which ends then. */
export interface ChangeRule {
  month: number;
  weekday: number;
  week: number;
  hour: number;
  minute: number;
}

const of = (flag: boolean): string => (flag ? "true" : "false");

const values: Readonly<Record<string, (facts: SequenceFacts) => string>> = {
  _SMSTSInWinPE: (facts) => of(facts.inPe),
  _SMSTSMachineName: (facts) => facts.machineName,
  _SMSTSMake: (facts) => facts.make,
  _SMSTSModel: (facts) => facts.model,
  _SMSTSSerialNumber: (facts) => facts.serialNumber,
  _SMSTSAssetTag: (facts) => facts.assetTag,
  _SMSTSUUID: (facts) => facts.smbiosUuid.toUpperCase(),
  _SMSTSMacAddresses: (facts) => facts.macAddresses.map((address) => address.toUpperCase()).join(","),
  _SMSTSIPAddresses: (facts) => facts.ipAddresses.join(","),
  _SMSTSDefaultGateways: (facts) => facts.defaultGateways.join(","),
  // Set "when it detects a computer that's in UEFI mode", so it does not exist otherwise.
  _SMSTSBootUEFI: (facts) => (facts.uefi ? "true" : ""),
  _TSSecureBoot: (facts) => facts.secureBoot,
  _SMSTSLaunchMode: (facts) => facts.launchMode,
  _SMSTSMediaType: (facts) => facts.mediaType,
  _SMSTSLogPath: (facts) => facts.logPath,
  _SMSTSMDataPath: (facts) => facts.dataPath,
  _SMSTSClientCache: (facts) => facts.clientCache,
  _SMSTSUserStatePath: (facts) => facts.userStatePath,
  _SMSTSClientGUID: (facts) => facts.clientGuid,
  _SMSTSBootImageID: (facts) => facts.bootImageId,
  _SMSTSPackageID: (facts) => facts.packageId,
  _SMSTSPackageName: (facts) => facts.packageName,
  _SMSTSAdvertID: (facts) => facts.deploymentId,
  _SMSTSMP: (facts) => facts.managementPoint,
  _SMSTSMPPort: (facts) => (facts.managementPointPort === null ? "" : String(facts.managementPointPort)),
  _SMSTSUseSSL: (facts) => (facts.managementPoint === "" ? "" : "true"),
  _SMSTSUseCRL: (facts) => (facts.managementPoint === "" ? "" : "false"),
  _SMSTSUserStarted: (facts) => (facts.launchMode === "SMS" ? of(facts.userStarted) : ""),
  _SMSTSDownloadOnDemand: () => "true",
  _SMSTSRunFromDP: () => "false",
  _SMSTSType: (facts) => (facts.deploysSystem ? "2" : "1"),
  _SMSTSWTG: () => "false",
  _SMSTSTimezone: (facts) => (facts.timeZone === null ? "" : timeZoneText(facts.timeZone)),
  _OSDDetectedWinDrive: (facts) => facts.detectedWindows?.drive ?? "",
  _OSDDetectedWinDir: (facts) => facts.detectedWindows?.folder ?? "",
};

/** Every name begins with `_`. */
export const builtInNames: readonly string[] = Object.keys(values);

/** In any order, those that have a value. */
export function builtInVariables(facts: SequenceFacts): { name: string; value: string }[] {
  return Object.entries(values)
    .map(([name, valueOf]) => ({ name, value: valueOf(facts) }))
    .filter(({ value }) => value !== "");
}

/** "Bias,StandardBias,DaylightBias,StandardDate…,DaylightDate…,StandardName,DaylightName"; dates of 0 do not change. */
function timeZoneText(zone: TimeZone): string {
  const { biasMinutes, daylightBiasMinutes, daylightDate, daylightName, standardDate, standardName } = zone;
  const dates = [...dateNumbers(standardDate), ...dateNumbers(daylightDate)];
  return [biasMinutes, 0, daylightBiasMinutes, ...dates, standardName, daylightName].join(",");
}

/** "wYear,wMonth,wDayOfWeek,wDay,wHour,wMinute,wSecond,wMilliseconds"; a year of 0 is every year. */
function dateNumbers(rule: ChangeRule | null): number[] {
  if (rule === null) return Array.from({ length: 8 }, () => 0);
  return [0, rule.month, rule.weekday, rule.week, rule.hour, rule.minute, 0, 0];
}
