/**
 * What conditions ask WMI for, from what the addon and the registry say: Windows PE often has no WMI, and a sequence
 * shall find the same there as in an installed Windows. Names and units are Microsoft's. What neither of the two says for
 * sure is left out, so that Windows' own WMI is asked for it.
 */
import { cpus, freemem, hostname, totalmem } from "node:os";
import type { WmiFacts } from "../sequence-machine.ts";
import { baseBoard, bios, computerSystem, computerSystemProduct, systemEnclosure } from "../wmi-hardware.ts";
import type { SmbiosFacts, WindowsFacts } from "./facts.ts";
import { readKey } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";
import { adapterConfigurationRows, adapterRows, diskRows, partitionRows, volumeRows } from "./wmi-devices.ts";

export interface WmiSource {
  facts: WindowsFacts;
  tools: WindowsTools;
}

const collectors: Record<string, (source: WmiSource) => WmiFacts[] | Promise<WmiFacts[]>> = {
  Win32_ComputerSystem: ({ facts }) => [computer(facts)],
  Win32_ComputerSystemProduct: ({ facts }) => [computerSystemProduct(facts.smbios())],
  Win32_BIOS: ({ facts }) => [biosRow(facts.smbios())],
  Win32_BaseBoard: ({ facts }) => [baseBoard(facts.smbios())],
  Win32_SystemEnclosure: ({ facts }) => [systemEnclosure(facts.smbios())],
  Win32_OperatingSystem: async (source) => [await operatingSystem(source)],
  Win32_Processor: processorRows,
  Win32_Battery: ({ facts }) => batteryRows(facts),
  Win32_Tpm: ({ facts }) => tpmRows(facts),
  Win32_DiskDrive: ({ facts }) => diskRows(facts),
  Win32_DiskPartition: ({ facts }) => partitionRows(facts),
  Win32_LogicalDisk: ({ facts }) => volumeRows(facts, "logical"),
  Win32_Volume: ({ facts }) => volumeRows(facts, "volume"),
  Win32_NetworkAdapter: ({ facts }) => adapterRows(facts),
  Win32_NetworkAdapterConfiguration: ({ facts }) => adapterConfigurationRows(facts),
};

/** As SequenceMachine.wmiRows. */
export async function wmiRows(className: string, source: WmiSource): Promise<WmiFacts[] | null> {
  return (await collectors[className]?.(source)) ?? null;
}

function biosRow(smbios: SmbiosFacts): WmiFacts {
  return { ...bios(smbios), SMBIOSPresent: smbios.version !== null };
}

/** A Windows PE cannot be joined to a domain. */
const workgroup = { PartOfDomain: false, DomainRole: 0, Domain: "WORKGROUP", Workgroup: "WORKGROUP" };

function computer(facts: WindowsFacts): WmiFacts {
  return {
    ...computerSystem(facts.smbios()),
    SystemType: "x64-based PC",
    TotalPhysicalMemory: totalmem(),
    NumberOfLogicalProcessors: cpus().length,
    ...(facts.system().winPe && workgroup),
  };
}

async function operatingSystem({ facts, tools }: WmiSource): Promise<WmiFacts> {
  const { version, windowsFolder } = facts.system();
  const about = await valuesOf("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", tools);
  const languages = await valuesOf(
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Nls\\Language",
    tools,
  );
  const language = languages.get("default") ?? languages.get("installlanguage");
  const isServer = /^server/i.test(about.get("installationtype") ?? "");
  const edition = editionNumbers[about.get("editionid")?.toLowerCase() ?? ""];
  const interfaceLanguages = await readKey(
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\MUI\\UILanguages",
    tools,
  );
  const kilobytes = (bytes: number): number => Math.floor(bytes / 1024);
  return {
    Caption: about.get("productname") ?? "Windows",
    Name: `${about.get("productname") ?? "Windows"}|${windowsFolder}|`,
    CSName: hostname(),
    Manufacturer: "Microsoft Corporation",
    Version: version,
    BuildNumber: version.split(".")[2] ?? null,
    OSArchitecture: "64-bit",
    OSLanguage: language === undefined ? null : Number.parseInt(language, 16),
    // WINNT; a work station or a server.
    OSType: 18,
    ...(edition !== undefined && { OperatingSystemSKU: edition }),
    ...(interfaceLanguages !== null && {
      MUILanguages: interfaceLanguages.keys.map((key) => key.slice(key.lastIndexOf("\\") + 1)),
    }),
    ProductType: isServer ? 3 : 1,
    Primary: true,
    SystemDrive: windowsFolder.slice(0, 2),
    SystemDirectory: `${windowsFolder}\\system32`,
    WindowsDirectory: windowsFolder,
    TotalVisibleMemorySize: kilobytes(totalmem()),
    FreePhysicalMemory: kilobytes(freemem()),
    Status: "OK",
  };
}

/** Of EditionID, in lower case; the numbers are GetProductInfo's. */
const editionNumbers: Readonly<Record<string, number>> = {
  enterprise: 4,
  serverstandard: 7,
  serverdatacenter: 8,
  enterprisen: 27,
  professional: 48,
  professionaln: 49,
  enterpriseeval: 72,
  serverstandardeval: 79,
  serverdatacentereval: 80,
  coren: 98,
  corecountryspecific: 99,
  coresinglelanguage: 100,
  core: 101,
  education: 121,
  educationn: 122,
  enterprises: 125,
  enterprisesn: 126,
  professionalworkstation: 161,
  professionalworkstationn: 162,
  iotenterprise: 188,
};

/** Texts of a key's values, by name in lower case. */
async function valuesOf(key: string, tools: WindowsTools): Promise<Map<string, string>> {
  const values = (await readKey(key, tools))?.values ?? new Map<string, { data: string }>();
  return new Map([...values].map(([name, { data }]) => [name, data]));
}

async function processorRows({ tools }: WmiSource): Promise<WmiFacts[]> {
  const about = await valuesOf(
    "HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0",
    tools,
  );
  const [manufacturer, caption] = [about.get("vendoridentifier"), about.get("identifier")];
  const all = cpus();
  const [first] = all;
  if (first === undefined) return [];
  return [
    {
      DeviceID: "CPU0",
      Name: first.model,
      ...(manufacturer !== undefined && { Manufacturer: manufacturer }),
      ...(caption !== undefined && { Caption: caption, Description: caption }),
      NumberOfLogicalProcessors: all.length,
      ThreadCount: all.length,
      MaxClockSpeed: first.speed,
      AddressWidth: 64,
      DataWidth: 64,
      // x64, and a central processor.
      Architecture: 9,
      ProcessorType: 3,
      Status: "OK",
    },
  ];
}

function batteryRows(facts: WindowsFacts): WmiFacts[] {
  const { batteryPercent, mainsPower } = facts.system();
  if (batteryPercent === null) return [];
  return [
    {
      DeviceID: "Battery",
      Name: "Battery",
      // 1 is "discharging", 2 "on mains power".
      BatteryStatus: mainsPower === false ? 1 : 2,
      EstimatedChargeRemaining: batteryPercent,
      Status: "OK",
    },
  ];
}

/** A module that Windows has a driver for is enabled and activated. */
function tpmRows(facts: WindowsFacts): WmiFacts[] {
  const { tpm } = facts.system();
  if (tpm === null) return [];
  return [
    {
      SpecVersion: tpm === "1.2" ? "1.2, 2, 3" : "2.0, 0, 1.38",
      IsEnabled_InitialValue: true,
      IsActivated_InitialValue: true,
    },
  ];
}
