/** What WMI says of a computer's firmware, case and disks, with Microsoft's names; the same on every system. */
import { hostname } from "node:os";
import type { DiskFacts } from "./platform.ts";
import type { WmiFacts } from "./sequence-machine.ts";

/** Of SMBIOS; null where it does not say. */
export interface FirmwareFacts {
  manufacturer: string | null;
  model: string | null;
  modelVersion: string | null;
  family: string | null;
  skuNumber: string | null;
  serial: string | null;
  uuid: string | null;
  firmwareVendor: string | null;
  firmwareVersion: string | null;
  /** As SMBIOS writes it: MM/DD/YYYY. */
  firmwareDate: string | null;
  boardManufacturer: string | null;
  boardProduct: string | null;
  boardSerial: string | null;
  /** A number of SMBIOS's table of chassis types. */
  chassisType: number | null;
  chassisSerial: string | null;
  assetTag: string | null;
}

/** "Portable", "Laptop", "Notebook", "Hand Held", "Sub Notebook", "Tablet", "Convertible", "Detachable". */
const portableChassis = new Set([8, 9, 10, 11, 14, 30, 31, 32]);

/** Of Win32_ComputerSystem what the firmware says. */
export function computerSystem(firmware: FirmwareFacts): WmiFacts {
  const type = portableChassis.has(firmware.chassisType ?? 0) ? 2 : 1;
  return {
    Name: hostname(),
    Caption: hostname(),
    DNSHostName: hostname(),
    Manufacturer: firmware.manufacturer,
    Model: firmware.model,
    SystemFamily: firmware.family,
    SystemSKUNumber: firmware.skuNumber,
    PCSystemType: type,
    PCSystemTypeEx: type,
    Status: "OK",
  };
}

export function computerSystemProduct(firmware: FirmwareFacts): WmiFacts {
  return {
    Caption: "Computer System Product",
    Description: "Computer System Product",
    Name: firmware.model,
    Vendor: firmware.manufacturer,
    Version: firmware.modelVersion,
    IdentifyingNumber: firmware.serial,
    SKUNumber: firmware.skuNumber,
    UUID: firmware.uuid?.toUpperCase() ?? null,
  };
}

/** Of Win32_BIOS all but whether there is an SMBIOS. */
export function bios(firmware: FirmwareFacts): WmiFacts {
  const version = firmware.firmwareVersion;
  const [, month, day, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(firmware.firmwareDate ?? "") ?? [];
  return {
    Name: version,
    Caption: version,
    Description: version,
    Manufacturer: firmware.firmwareVendor,
    Version: version,
    SMBIOSBIOSVersion: version,
    BIOSVersion: version === null ? null : [version],
    ReleaseDate: year === undefined ? null : `${year}${month}${day}000000.000000+000`,
    SerialNumber: firmware.serial,
    PrimaryBIOS: true,
    Status: "OK",
  };
}

export function baseBoard(firmware: FirmwareFacts): WmiFacts {
  return {
    Name: "Base Board",
    Tag: "Base Board",
    Manufacturer: firmware.boardManufacturer,
    Product: firmware.boardProduct,
    SerialNumber: firmware.boardSerial,
    HostingBoard: true,
    Status: "OK",
  };
}

export function systemEnclosure(firmware: FirmwareFacts): WmiFacts {
  return {
    Name: "System Enclosure",
    Tag: "System Enclosure 0",
    SerialNumber: firmware.chassisSerial,
    SMBIOSAssetTag: firmware.assetTag,
    ChassisTypes: firmware.chassisType === null ? null : [firmware.chassisType],
  };
}

type Disk = Pick<DiskFacts, "model" | "removable" | "sectorBytes" | "serial" | "sizeBytes">;

/** Win32_DiskDrive. `name`: its device, and `bus`: its InterfaceType, as Windows calls them. */
export function diskDrive(
  disk: Disk & { partitions: readonly unknown[] },
  { bus, name, number }: { bus: string; name: string; number: number },
): WmiFacts {
  return {
    Index: number,
    DeviceID: name,
    Name: name,
    Caption: disk.model,
    Model: disk.model,
    SerialNumber: disk.serial,
    Size: disk.sizeBytes,
    BytesPerSector: disk.sectorBytes,
    Partitions: disk.partitions.length,
    InterfaceType: bus,
    MediaType: disk.removable ? "Removable Media" : "Fixed hard disk media",
    MediaLoaded: true,
    Status: "OK",
  };
}
