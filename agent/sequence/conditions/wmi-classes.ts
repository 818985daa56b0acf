/** The classes and properties of WMI that conditions may ask for, as Microsoft's pages of each class list them. */
import { VolleyError } from "../../../contract/errors.ts";

export interface WmiClass {
  name: string;
  /** Lower case to as written. */
  properties: Map<string, string>;
}

const device =
  "Availability Caption ConfigManagerErrorCode ConfigManagerUserConfig CreationClassName Description DeviceID " +
  "ErrorCleared ErrorDescription InstallDate LastErrorCode Name PNPDeviceID PowerManagementCapabilities " +
  "PowerManagementSupported Status StatusInfo SystemCreationClassName SystemName";
const physical =
  "Caption CreationClassName Depth Description Height HotSwappable InstallDate Manufacturer Model Name " +
  "OtherIdentifyingInfo PartNumber PoweredOn Removable Replaceable SerialNumber SKU Status Tag Version Weight Width";

const classes: Record<string, string> = {
  Win32_ComputerSystem:
    "AdminPasswordStatus AutomaticManagedPagefile BootROMSupported BootupState Caption ChassisBootupState " +
    "ChassisSKUNumber CreationClassName CurrentTimeZone DaylightInEffect Description DNSHostName Domain DomainRole " +
    "EnableDaylightSavingsTime FrontPanelResetStatus HypervisorPresent InfraredSupported InstallDate " +
    "KeyboardPasswordStatus Manufacturer Model Name NetworkServerModeEnabled NumberOfLogicalProcessors " +
    "NumberOfProcessors OEMLogoBitmap OEMStringArray PartOfDomain PCSystemType PCSystemTypeEx " +
    "PowerManagementSupported PowerOnPasswordStatus PowerState PowerSupplyState PrimaryOwnerContact " +
    "PrimaryOwnerName ResetCapability ResetCount ResetLimit Roles Status SystemFamily SystemSKUNumber " +
    "SystemStartupDelay SystemType ThermalState TotalPhysicalMemory UserName WakeUpType Workgroup",
  Win32_ComputerSystemProduct: "Caption Description IdentifyingNumber Name SKUNumber UUID Vendor Version",
  Win32_BIOS:
    "BiosCharacteristics BIOSVersion BuildNumber Caption CodeSet CurrentLanguage Description " +
    "EmbeddedControllerMajorVersion EmbeddedControllerMinorVersion IdentificationCode InstallableLanguages " +
    "InstallDate LanguageEdition ListOfLanguages Manufacturer Name OtherTargetOS PrimaryBIOS ReleaseDate " +
    "SerialNumber SMBIOSBIOSVersion SMBIOSMajorVersion SMBIOSMinorVersion SMBIOSPresent SoftwareElementID " +
    "SoftwareElementState Status SystemBiosMajorVersion SystemBiosMinorVersion TargetOperatingSystem Version",
  Win32_OperatingSystem:
    "BootDevice BuildNumber BuildType Caption CodeSet CountryCode CreationClassName CSCreationClassName " +
    "CSDVersion CSName CurrentTimeZone Debug Description Distributed EncryptionLevel ForegroundApplicationBoost " +
    "FreePhysicalMemory FreeSpaceInPagingFiles FreeVirtualMemory InstallDate LastBootUpTime LocalDateTime Locale " +
    "Manufacturer MaxNumberOfProcesses MaxProcessMemorySize MUILanguages Name NumberOfLicensedUsers " +
    "NumberOfProcesses NumberOfUsers OperatingSystemSKU Organization OSArchitecture OSLanguage OSProductSuite " +
    "OSType OtherTypeDescription PAEEnabled PortableOperatingSystem Primary ProductType RegisteredUser " +
    "SerialNumber ServicePackMajorVersion ServicePackMinorVersion SizeStoredInPagingFiles Status SuiteMask " +
    "SystemDevice SystemDirectory SystemDrive TotalSwapSpaceSize TotalVirtualMemorySize TotalVisibleMemorySize " +
    "Version WindowsDirectory",
  Win32_DiskDrive:
    `${device} BytesPerSector Capabilities CapabilityDescriptions CompressionMethod DefaultBlockSize ` +
    "FirmwareRevision Index InterfaceType Manufacturer MaxBlockSize MaxMediaSize MediaLoaded MediaType " +
    "MinBlockSize Model NeedsCleaning NumberOfMediaSupported Partitions SCSIBus SCSILogicalUnit SCSIPort " +
    "SCSITargetId SectorsPerTrack SerialNumber Signature Size TotalCylinders TotalHeads TotalSectors TotalTracks " +
    "TracksPerCylinder",
  Win32_DiskPartition:
    `${device} Access BlockSize Bootable BootPartition DiskIndex HiddenSectors Index NumberOfBlocks ` +
    "PrimaryPartition Purpose RewritePartition Size StartingOffset Type",
  Win32_LogicalDisk:
    `${device} Access BlockSize Compressed DriveType FileSystem FreeSpace MaximumComponentLength MediaType ` +
    "NumberOfBlocks ProviderName Purpose QuotasDisabled QuotasIncomplete QuotasRebuilding Size " +
    "SupportsDiskQuotas SupportsFileBasedCompression VolumeDirty VolumeName VolumeSerialNumber",
  Win32_Volume:
    `${device} Access Automount BlockSize BootVolume Capacity Compressed DirtyBitSet DriveLetter DriveType ` +
    "FileSystem FreeSpace IndexingEnabled Label MaximumFileNameLength NumberOfBlocks PageFilePresent Purpose " +
    "QuotasEnabled QuotasIncomplete QuotasRebuilding SerialNumber SupportsDiskQuotas " +
    "SupportsFileBasedCompression SystemVolume",
  Win32_NetworkAdapter:
    `${device} AdapterType AdapterTypeID AutoSense GUID Index Installed InterfaceIndex MACAddress Manufacturer ` +
    "MaxNumberControlled MaxSpeed NetConnectionID NetConnectionStatus NetEnabled NetworkAddresses " +
    "PermanentAddress PhysicalAdapter ProductName ServiceName Speed TimeOfLastReset",
  Win32_NetworkAdapterConfiguration:
    "Caption DatabasePath DefaultIPGateway Description DHCPEnabled DHCPLeaseExpires DHCPLeaseObtained DHCPServer " +
    "DNSDomain DNSDomainSuffixSearchOrder DNSEnabledForWINSResolution DNSHostName DNSServerSearchOrder " +
    "DomainDNSRegistrationEnabled FullDNSRegistrationEnabled GatewayCostMetric Index InterfaceIndex IPAddress " +
    "IPConnectionMetric IPEnabled IPFilterSecurityEnabled IPSubnet MACAddress MTU ServiceName SettingID " +
    "TcpipNetbiosOptions WINSEnableLMHostsLookup WINSPrimaryServer WINSSecondaryServer",
  Win32_Battery:
    `${device} BatteryRechargeTime BatteryStatus Chemistry DesignCapacity DesignVoltage ` +
    "EstimatedChargeRemaining EstimatedRunTime ExpectedBatteryLife ExpectedLife FullChargeCapacity " +
    "MaxRechargeTime SmartBatteryVersion TimeOnBattery TimeToFullCharge",
  Win32_Processor:
    `${device} AddressWidth Architecture AssetTag Characteristics CpuStatus CurrentClockSpeed CurrentVoltage ` +
    "DataWidth ExtClock Family L2CacheSize L2CacheSpeed L3CacheSize L3CacheSpeed Level LoadPercentage " +
    "Manufacturer MaxClockSpeed NumberOfCores NumberOfEnabledCore NumberOfLogicalProcessors " +
    "OtherFamilyDescription PartNumber ProcessorId ProcessorType Revision Role " +
    "SecondLevelAddressTranslationExtensions SerialNumber SocketDesignation Stepping ThreadCount UniqueId " +
    "UpgradeMethod Version VirtualizationFirmwareEnabled VMMonitorModeExtensions VoltageCaps",
  Win32_PhysicalMemory:
    `${physical} Attributes BankLabel Capacity ConfiguredClockSpeed ConfiguredVoltage DataWidth DeviceLocator ` +
    "FormFactor InterleaveDataDepth InterleavePosition MaxVoltage MemoryType MinVoltage PositionInRow " +
    "SMBIOSMemoryType Speed TotalWidth TypeDetail",
  Win32_SystemEnclosure:
    `${physical} AudibleAlarm BreachDescription CableManagementStrategy ChassisTypes CurrentRequiredOrProduced ` +
    "HeatGeneration LockPresent NumberOfPowerCords SecurityBreach SecurityStatus ServiceDescriptions " +
    "ServicePhilosophy SMBIOSAssetTag TypeDescriptions VisibleAlarm",
  Win32_BaseBoard:
    `${physical} ConfigOptions HostingBoard Product RequirementsDescription RequiresDaughterBoard SlotLayout ` +
    "SpecialRequirements",
  Win32_Tpm:
    "IsActivated_InitialValue IsEnabled_InitialValue IsOwned_InitialValue ManufacturerId ManufacturerIdTxt " +
    "ManufacturerVersion ManufacturerVersionFull20 ManufacturerVersionInfo PhysicalPresenceVersionInfo SpecVersion",
};

const known = new Map(
  Object.entries(classes).map(([name, properties]) => [
    name.toLowerCase(),
    {
      name,
      properties: new Map(properties.split(" ").map((property) => [property.toLowerCase(), property])),
    },
  ]),
);

export const wmiClasses: readonly WmiClass[] = [...known.values()];

/** Throws E_CONDITION for a namespace or a class nobody knows here. */
export function classOf(namespace: string, className: string): WmiClass {
  const place = namespace
    .trim()
    .toLowerCase()
    .replaceAll("/", "\\")
    .replace(/^\\\\[^\\]+\\/, "")
    .replaceAll(/\\+/g, "\\");
  const isTpm = place === "root\\cimv2\\security\\microsofttpm";
  if (place !== "" && place !== "root\\cimv2" && !isTpm) {
    throw new VolleyError(
      "E_CONDITION",
      `The namespace "${namespace}" is not among the facts of this machine`,
    );
  }
  const found = known.get(className.toLowerCase());
  if (found === undefined || (isTpm && found.name !== "Win32_Tpm")) {
    throw new VolleyError("E_CONDITION", `The class "${className}" is not among the facts of this machine`);
  }
  return found;
}
