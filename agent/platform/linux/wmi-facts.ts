/**
 * What WMI would say of this machine, from SMBIOS, /proc and /sys: instances of the classes that conditions of task
 * sequences ask for, with Microsoft's names and units. What the system does not say is left out.
 */
import { hostname, release } from "node:os";
import { join } from "node:path";
import type { WmiFacts } from "../sequence-machine.ts";
import {
  baseBoard,
  bios,
  computerSystem,
  computerSystemProduct,
  systemEnclosure,
  type FirmwareFacts,
} from "../wmi-hardware.ts";
import { listFolder, readText, systemRoots, type SystemRoots } from "./hardware.ts";
import { diskRows, partitionRows, volumeRows } from "./wmi-disks.ts";
import { adapterConfigurationRows, adapterRows } from "./wmi-network.ts";
import { memoryRows } from "./wmi-memory.ts";

const collectors: Record<string, (roots: SystemRoots) => WmiFacts[] | Promise<WmiFacts[]>> = {
  Win32_ComputerSystem: (roots) => [computer(roots)],
  Win32_ComputerSystemProduct: (roots) => [computerSystemProduct(firmwareOf(roots))],
  Win32_BIOS: (roots) => [biosRow(firmwareOf(roots))],
  Win32_BaseBoard: (roots) => [board(roots)],
  Win32_SystemEnclosure: (roots) => [enclosure(roots)],
  Win32_OperatingSystem: (roots) => [operatingSystem(roots)],
  Win32_Processor: processorRows,
  Win32_PhysicalMemory: memoryRows,
  Win32_Battery: batteryRows,
  Win32_Tpm: tpmRows,
  Win32_DiskDrive: diskRows,
  Win32_DiskPartition: partitionRows,
  Win32_LogicalDisk: (roots) => volumeRows(roots, "logical"),
  Win32_Volume: (roots) => volumeRows(roots, "volume"),
  Win32_NetworkAdapter: adapterRows,
  Win32_NetworkAdapterConfiguration: adapterConfigurationRows,
};

/** As SequenceMachine.wmiRows, each time as the machine is then. */
export async function wmiRows(
  className: string,
  roots: SystemRoots = systemRoots,
): Promise<WmiFacts[] | null> {
  return (await collectors[className]?.(roots)) ?? null;
}

function dmi(roots: SystemRoots, name: string): string | null {
  const text = readText(join(roots.sys, "class/dmi/id", name));
  return text === "" ? null : text;
}

/** As the kernel passes SMBIOS on. */
function firmwareOf(roots: SystemRoots): FirmwareFacts {
  const type = dmi(roots, "chassis_type");
  return {
    manufacturer: dmi(roots, "sys_vendor"),
    model: dmi(roots, "product_name"),
    modelVersion: dmi(roots, "product_version"),
    family: dmi(roots, "product_family"),
    skuNumber: dmi(roots, "product_sku"),
    serial: dmi(roots, "product_serial"),
    uuid: dmi(roots, "product_uuid"),
    firmwareVendor: dmi(roots, "bios_vendor"),
    firmwareVersion: dmi(roots, "bios_version"),
    firmwareDate: dmi(roots, "bios_date"),
    boardManufacturer: dmi(roots, "board_vendor"),
    boardProduct: dmi(roots, "board_name"),
    boardSerial: dmi(roots, "board_serial"),
    chassisType: type === null ? null : Number(type),
    chassisSerial: dmi(roots, "chassis_serial"),
    assetTag: dmi(roots, "chassis_asset_tag"),
  };
}

function biosRow(firmware: FirmwareFacts): WmiFacts {
  return { ...bios(firmware), SMBIOSPresent: firmware.firmwareVersion !== null };
}

function computer(roots: SystemRoots): WmiFacts {
  const processors = readProcessors(roots);
  return {
    ...computerSystem(firmwareOf(roots)),
    SystemType: process.arch === "x64" ? "x64-based PC" : process.arch === "arm64" ? "ARM64-based PC" : null,
    TotalPhysicalMemory: memoryKilobytes(roots, "MemTotal") * 1024,
    NumberOfLogicalProcessors: processors.length,
    NumberOfProcessors: new Set(processors.map((one) => one["physical id"] ?? "0")).size,
    HypervisorPresent: processors.some((one) => /\bhypervisor\b/.test(one["flags"] ?? "")),
    PartOfDomain: false,
    DomainRole: 0,
    Domain: "WORKGROUP",
    Workgroup: "WORKGROUP",
  };
}

function board(roots: SystemRoots): WmiFacts {
  return { ...baseBoard(firmwareOf(roots)), Version: dmi(roots, "board_version") };
}

function enclosure(roots: SystemRoots): WmiFacts {
  return {
    ...systemEnclosure(firmwareOf(roots)),
    Manufacturer: dmi(roots, "chassis_vendor"),
    Version: dmi(roots, "chassis_version"),
  };
}

function operatingSystem(roots: SystemRoots): WmiFacts {
  const osRelease = readText("/etc/os-release") ?? "";
  const kernel = /^\d+(\.\d+)*/.exec(release())?.[0] ?? null;
  return {
    Caption: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? "Linux",
    Name: "Linux",
    CSName: hostname(),
    Manufacturer: /^ID="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? null,
    Version: kernel,
    BuildNumber: kernel?.split(".")[2] ?? null,
    OSArchitecture: ["x64", "arm64"].includes(process.arch) ? "64-bit" : "32-bit",
    // LINUX, and a work station.
    OSType: 36,
    ProductType: 1,
    Primary: true,
    TotalVisibleMemorySize: memoryKilobytes(roots, "MemTotal"),
    FreePhysicalMemory: memoryKilobytes(roots, "MemAvailable"),
    Status: "OK",
  };
}

function memoryKilobytes(roots: SystemRoots, name: string): number {
  const text = readText(join(roots.proc, "meminfo")) ?? "";
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
}

/** One for each logical processor, as /proc/cpuinfo describes it. */
function readProcessors(roots: SystemRoots): Record<string, string>[] {
  const text = readText(join(roots.proc, "cpuinfo")) ?? "";
  return text
    .split(/\n\s*\n/)
    .map((block) =>
      Object.fromEntries(
        block.split("\n").map((row) => {
          const colon = row.indexOf(":");
          return [row.slice(0, colon).trim(), row.slice(colon + 1).trim()];
        }),
      ),
    )
    .filter((one) => one["processor"] !== undefined);
}

function processorRows(roots: SystemRoots): WmiFacts[] {
  const sockets = new Map<string, Record<string, string>[]>();
  for (const one of readProcessors(roots)) {
    const socket = one["physical id"] ?? "0";
    sockets.set(socket, [...(sockets.get(socket) ?? []), one]);
  }
  return [...sockets.entries()].map(([socket, threads], index) => {
    const first = threads[0] ?? {};
    const maximum = readText(join(roots.sys, "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"));
    return {
      DeviceID: `CPU${index}`,
      SocketDesignation: `CPU ${socket}`,
      Name: first["model name"] ?? null,
      Manufacturer: first["vendor_id"] ?? null,
      NumberOfCores: Number(first["cpu cores"] ?? threads.length),
      NumberOfLogicalProcessors: threads.length,
      ThreadCount: threads.length,
      MaxClockSpeed: Math.round(maximum === null ? Number(first["cpu MHz"] ?? 0) : Number(maximum) / 1000),
      AddressWidth: ["x64", "arm64"].includes(process.arch) ? 64 : 32,
      DataWidth: ["x64", "arm64"].includes(process.arch) ? 64 : 32,
      Architecture: process.arch === "arm64" ? 12 : process.arch === "x64" ? 9 : 0,
      ProcessorType: 3,
      VirtualizationFirmwareEnabled: /\b(vmx|svm)\b/.test(first["flags"] ?? ""),
      Status: "OK",
    };
  });
}

function batteryRows(roots: SystemRoots): WmiFacts[] {
  const folder = join(roots.sys, "class/power_supply");
  // Mice and the like have batteries of their own.
  return listFolder(folder)
    .filter((name) => readText(join(folder, name, "type")) === "Battery")
    .filter((name) => readText(join(folder, name, "scope")) !== "Device")
    .map((name) => {
      const status = readText(join(folder, name, "status"));
      const charge = readText(join(folder, name, "capacity"));
      return {
        DeviceID: name,
        Name: readText(join(folder, name, "model_name")) ?? name,
        // 1 is "discharging", 2 "on mains power".
        BatteryStatus: status === "Discharging" ? 1 : 2,
        EstimatedChargeRemaining: charge === null ? null : Number(charge),
        Status: "OK",
      };
    });
}

function tpmRows(roots: SystemRoots): WmiFacts[] {
  const folder = join(roots.sys, "class/tpm");
  return listFolder(folder).map((name) => {
    const major = readText(join(folder, name, "tpm_version_major"));
    return {
      SpecVersion: major === "1" ? "1.2, 2, 3" : "2.0, 0, 1.38",
      IsEnabled_InitialValue: (readText(join(folder, name, "enabled")) ?? "1") === "1",
      IsActivated_InitialValue: (readText(join(folder, name, "active")) ?? "1") === "1",
      IsOwned_InitialValue: readText(join(folder, name, "owned")) === "1",
    };
  });
}
