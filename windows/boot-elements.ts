/**
 * The documented elements of a boot configuration, by number ("Boot Configuration Data (BCD)", Microsoft:
 * BcdLibraryElementTypes, BcdBootMgrElementTypes, BcdOSLoaderElementTypes, BcdDeviceObjectElementTypes). In a number the first
 * digit is the class (1 of any application, 2 of the object's own, 3 of a device), the second the format.
 */
export const elementFormats = {
  1: "device",
  2: "string",
  3: "object",
  4: "object list",
  5: "integer",
  6: "boolean",
  7: "integer list",
} as const;
export type ElementFormat = (typeof elementFormats)[keyof typeof elementFormats];

/** Object types of "BcdObject": application, by firmware or by the boot manager, and which. */
export const bootManagerType = 0x10100002;
export const windowsLoaderType = 0x10200003;
/** Options of a device, and those that bcdedit calls {ramdiskoptions}. */
export const ramdiskOptionsType = 0x30000000;
export const ramdiskOptionsId = "{7619dcc8-fafe-11d9-b411-000476eba25f}";

const library = `
11000001 ApplicationDevice, 12000002 ApplicationPath, 12000004 Description, 12000005 PreferredLocale,
14000006 InheritedObjects, 15000007 TruncatePhysicalMemory, 14000008 RecoverySequence, 16000009 AutoRecoveryEnabled,
1700000a BadMemoryList, 1600000b AllowBadMemoryAccess, 1500000c FirstMegabytePolicy, 16000010 DebuggerEnabled,
15000011 DebuggerType, 15000012 SerialDebuggerPortAddress, 15000013 SerialDebuggerPort,
15000014 SerialDebuggerBaudRate, 15000015 1394DebuggerChannel, 12000016 UsbDebuggerTargetName,
16000017 DebuggerIgnoreUsermodeExceptions, 15000018 DebuggerStartPolicy, 16000020 EmsEnabled, 15000022 EmsPort,
15000023 EmsBaudRate, 12000030 LoadOptionsString, 16000040 DisplayAdvancedOptions, 16000041 DisplayOptionsEdit,
16000046 GraphicsModeDisabled, 15000047 ConfigAccessPolicy, 16000048 DisableIntegrityChecks,
16000049 AllowPrereleaseSignatures`;
const bootManager = `
24000001 DisplayOrder, 24000002 BootSequence, 23000003 DefaultObject, 25000004 Timeout, 26000005 AttemptResume,
23000006 ResumeObject, 24000010 ToolsDisplayOrder, 26000020 DisplayBootMenu, 26000021 NoErrorDisplay,
21000022 BcdDevice, 22000023 BcdFilePath, 26000028 ProcessCustomActionsFirst, 27000030 CustomActionsList`;
const windowsLoader = `
21000001 OSDevice, 22000002 SystemRoot, 23000003 AssociatedResumeObject, 26000010 DetectKernelAndHal, 22000011 KernelPath,
22000012 HalPath, 22000013 DbgTransportPath, 25000020 NxPolicy, 25000021 PAEPolicy, 26000022 WinPEMode,
26000024 DisableCrashAutoReboot, 26000025 UseLastGoodSettings, 26000027 AllowPrereleaseSignatures, 26000030 NoLowMemory,
25000031 RemoveMemory, 25000032 IncreaseUserVa, 26000040 UseVgaDriver, 26000041 DisableBootDisplay,
26000042 DisableVesaBios, 25000050 ClusterModeAddressing, 26000051 UsePhysicalDestination, 25000052 RestrictApicCluster,
26000054 UseLegacyApicMode, 25000055 X2ApicPolicy, 26000060 UseBootProcessorOnly, 25000061 NumberOfProcessors,
26000062 ForceMaximumProcessors, 25000063 ProcessorConfigurationFlags, 26000064 MaximizeGroupsCreated,
26000065 ForceGroupAwareness, 25000066 GroupSize, 26000070 UseFirmwarePciSettings, 25000071 MsiPolicy, 25000080 SafeBoot,
26000081 SafeBootAlternateShell, 26000090 BootLogInitialization, 26000091 VerboseObjectLoadMode,
260000a0 KernelDebuggerEnabled, 260000a1 DebuggerHalBreakpoint, 260000a2 UsePlatformClock, 260000b0 EmsEnabled,
250000c1 DriverLoadFailurePolicy, 250000c2 BootMenuPolicy, 250000e0 BootStatusPolicy, 260000e1 DisableElamDrivers,
250000f0 HypervisorLaunchType`;
const ramdiskOptions = `
35000001 RamdiskImageOffset, 35000002 TftpClientPort, 31000003 SdiDevice, 32000004 SdiPath, 35000005 RamdiskImageLength,
36000006 RamdiskExportAsCd, 35000007 RamdiskTftpBlockSize, 35000008 RamdiskTftpWindowSize, 36000009 RamdiskMulticastEnabled,
3600000a RamdiskMulticastTftpFallback, 3600000b RamdiskTftpVarWindow`;

const read = (table: string): [string, string][] =>
  table.split(",").map((entry) => {
    const [number = "", name = ""] = entry.trim().split(" ");
    return [number, name];
  });
const libraryElements = new Map(read(library));
const ownElements = new Map([
  [bootManagerType, new Map(read(bootManager))],
  [windowsLoaderType, new Map(read(windowsLoader))],
  [ramdiskOptionsType, new Map(read(ramdiskOptions))],
]);

/** Of an element (eight hexadecimal digits in lower case) of an object of that type; undefined when not documented. */
export function elementName(objectType: number, element: string): string | undefined {
  return libraryElements.get(element) ?? ownElements.get(objectType)?.get(element);
}
