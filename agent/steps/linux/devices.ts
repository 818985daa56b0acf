/**
 * This computer's devices with the identifiers Windows gives them. Source: "Identifiers for PCI Devices", "Standard USB
 * Identifiers", "ACPI" identifiers (Windows drivers), in the order Windows lists them.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeviceFacts, Devices } from "../services.ts";

/** `sys`: where sysfs is. */
export function linuxDevices(sys = "/sys"): Devices {
  return {
    async list() {
      const read = async (bus: string, make: (of: Read) => DeviceFacts | null): Promise<DeviceFacts[]> => {
        const folder = join(sys, "bus", bus, "devices");
        const names = await readdir(folder).catch(() => []);
        const devices = await Promise.all(names.map(async (name) => make(await readAll(join(folder, name)))));
        return devices.filter((device) => device !== null);
      };
      return [
        ...(await read("pci", pciDevice)),
        ...(await read("usb", usbDevice)),
        ...(await read("acpi", acpiDevice)),
      ];
    },
  };
}

/** Text of a file of the device; "" when there is none. */
type Read = (name: string) => string;
const names = [
  "vendor",
  "device",
  "subsystem_vendor",
  "subsystem_device",
  "revision",
  "class",
  "idVendor",
  "idProduct",
  "bcdDevice",
  "bDeviceClass",
  "bDeviceSubClass",
  "bDeviceProtocol",
  "hid",
  "product",
] as const;

async function readAll(folder: string): Promise<Read> {
  const texts = new Map<string, string>();
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    texts.set(name, text.trim());
  }
  return (name) => texts.get(name) ?? "";
}

/** "0x8086" as "8086". */
const hex = (text: string, digits: number): string =>
  text.replace(/^0x/, "").toUpperCase().padStart(digits, "0").slice(-digits);

function pciDevice(of: Read): DeviceFacts | null {
  if (of("vendor") === "" || of("device") === "") return null;
  const id = `PCI\\VEN_${hex(of("vendor"), 4)}&DEV_${hex(of("device"), 4)}`;
  const subsystem = `SUBSYS_${hex(of("subsystem_device"), 4)}${hex(of("subsystem_vendor"), 4)}`;
  const revision = `REV_${hex(of("revision"), 2)}`;
  const code = hex(of("class"), 6);
  const vendor = `PCI\\VEN_${hex(of("vendor"), 4)}`;
  return {
    name: `PCI device ${id.slice(4)}`,
    hardwareIds: [
      `${id}&${subsystem}&${revision}`,
      `${id}&${subsystem}`,
      `${id}&CC_${code}`,
      `${id}&CC_${code.slice(0, 4)}`,
    ],
    compatibleIds: [
      `${id}&${revision}`,
      id,
      `${vendor}&CC_${code}`,
      `${vendor}&CC_${code.slice(0, 4)}`,
      vendor,
      `PCI\\CC_${code}`,
      `PCI\\CC_${code.slice(0, 4)}`,
    ],
  };
}

function usbDevice(of: Read): DeviceFacts | null {
  if (of("idVendor") === "") return null;
  const id = `USB\\VID_${hex(of("idVendor"), 4)}&PID_${hex(of("idProduct"), 4)}`;
  const [kind, sub, protocol] = ["bDeviceClass", "bDeviceSubClass", "bDeviceProtocol"].map((name) =>
    hex(of(name), 2),
  );
  return {
    name: of("product") || `USB device ${id.slice(4)}`,
    hardwareIds: [`${id}&REV_${hex(of("bcdDevice"), 4)}`, id],
    compatibleIds: [
      `USB\\Class_${kind}&SubClass_${sub}&Prot_${protocol}`,
      `USB\\Class_${kind}&SubClass_${sub}`,
      `USB\\Class_${kind}`,
    ],
  };
}

function acpiDevice(of: Read): DeviceFacts | null {
  const hid = of("hid").toUpperCase();
  const match = /^([A-Z]{3}[A-Z0-9]?)([0-9A-F]{4})$/.exec(hid);
  if (match === null) return null;
  return {
    name: `ACPI device ${hid}`,
    hardwareIds: [`ACPI\\VEN_${match[1]}&DEV_${match[2]}`, `ACPI\\${hid}`, `*${hid}`],
    compatibleIds: [],
  };
}
