/** Network adapters and their settings as WMI names them. */
import { existsSync, realpathSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { basename, join } from "node:path";
import { listFolder, readText, type SystemRoots } from "./hardware.ts";
import type { WmiFacts } from "../sequence-machine.ts";

interface Adapter {
  name: string;
  folder: string;
  index: number;
  macAddress: string;
}

/** Ethernet and wireless; the loopback is none. */
function listAdapters(roots: SystemRoots): Adapter[] {
  const folder = join(roots.sys, "class/net");
  return listFolder(folder)
    .filter((name) => name !== "lo" && readText(join(folder, name, "type")) === "1")
    .map((name, index) => ({
      name,
      folder: join(folder, name),
      index,
      macAddress: (readText(join(folder, name, "address")) ?? "").toUpperCase(),
    }));
}

export function adapterRows(roots: SystemRoots): WmiFacts[] {
  return listAdapters(roots).map(({ folder, index, macAddress, name }) => {
    const isUp = readText(join(folder, "operstate")) === "up";
    const isWireless = existsSync(join(folder, "wireless")) || existsSync(join(folder, "phy80211"));
    const speed = Number(readText(join(folder, "speed")) ?? -1);
    return {
      DeviceID: String(index),
      Index: index,
      InterfaceIndex: Number(readText(join(folder, "ifindex")) ?? 0),
      Name: name,
      NetConnectionID: name,
      MACAddress: macAddress,
      AdapterType: isWireless ? "Wireless" : "Ethernet 802.3",
      AdapterTypeID: isWireless ? 9 : 0,
      // 2 is "connected", 7 "media disconnected".
      NetConnectionStatus: isUp ? 2 : 7,
      NetEnabled: isUp,
      PhysicalAdapter: existsSync(join(folder, "device")),
      Speed: speed > 0 ? speed * 1_000_000 : null,
      PNPDeviceID: deviceId(folder),
      ServiceName: linkName(join(folder, "device/driver")),
      Installed: true,
    };
  });
}

export function adapterConfigurationRows(roots: SystemRoots): WmiFacts[] {
  const gateways = readGateways(roots);
  const addresses = networkInterfaces();
  return listAdapters(roots).map(({ index, macAddress, name }) => {
    const own = (addresses[name] ?? []).filter((address) => !address.internal);
    return {
      Index: index,
      Description: name,
      Caption: name,
      MACAddress: macAddress,
      IPEnabled: own.length > 0,
      IPAddress: own.length === 0 ? null : own.map(({ address }) => address),
      IPSubnet: own.length === 0 ? null : own.map(({ netmask }) => netmask),
      DefaultIPGateway: gateways.get(name) ?? null,
    };
  });
}

/** IPv4 default gateways by interface. */
export function readGateways(roots: SystemRoots): Map<string, string[]> {
  const gateways = new Map<string, string[]>();
  for (const row of (readText(join(roots.proc, "net/route")) ?? "").split("\n").slice(1)) {
    const [name, destination, gateway] = row.split(/\s+/);
    if (name === undefined || destination !== "00000000" || !/^[0-9A-F]{8}$/i.test(gateway ?? "")) continue;
    const bytes = Buffer.from(gateway ?? "", "hex");
    if (bytes.every((byte) => byte === 0)) continue;
    // The kernel prints the address as a number of its own byte order.
    gateways.set(name, [...(gateways.get(name) ?? []), [...bytes].toReversed().join(".")]);
  }
  return gateways;
}

/** "PCI\\VEN_8086&DEV_15F3", as the beginning of what Windows calls the device. */
function deviceId(folder: string): string | null {
  const part = (name: string): string | undefined =>
    /^0x([0-9a-f]{4})$/.exec(readText(join(folder, "device", name)) ?? "")?.[1]?.toUpperCase();
  const [vendor, device] = [part("vendor"), part("device")];
  return vendor === undefined || device === undefined ? null : `PCI\\VEN_${vendor}&DEV_${device}`;
}

function linkName(path: string): string | null {
  try {
    return basename(realpathSync(path));
  } catch {
    return null;
  }
}
