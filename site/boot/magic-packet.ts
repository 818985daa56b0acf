/** What wakes a computer: the packet, where it is sent, and from where. */
import type { NetworkInterfaceInfo } from "node:os";
import type { DeviceRecord } from "../../contract/devices.ts";
import { addressNumber, addressText } from "../ipv4.ts";

/** UDP's discard service, which the makers of network cards name for it; the card itself looks at no port. */
export const wakePort = 9;
const limitedBroadcast = "255.255.255.255";
const longestPrefixWithBroadcast = 30;

/**
 * Six bytes of ones, then the address sixteen times: AMD, Magic Packet Technology, publication 20213. `mac` is six bytes
 * in hex with colons between.
 */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(":", ""), "hex");
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array<Buffer>(16).fill(address)]);
}

/** All that the site knows of the device: what it was told, and what the device's agent said. */
export function macsOf({ facts, mac }: Pick<DeviceRecord, "facts" | "mac">): string[] {
  return [...new Set([...(mac === null ? [] : [mac]), ...(facts?.macAddresses ?? [])])];
}

/** An address of the site that packets leave from, and where to. */
export interface WakePlace {
  /** Of the interface. */
  name: string;
  address: string;
  broadcasts: string[];
}

/** Each interface's limited broadcast once, and the directed broadcast of each of its subnets. */
export function wakePlaces(interfaces: Record<string, NetworkInterfaceInfo[] | undefined>): WakePlace[] {
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address, netmask }, index) => ({
        name,
        address,
        broadcasts: [...(index === 0 ? [limitedBroadcast] : []), ...directedBroadcast(address, netmask)],
      })),
  );
}

/** None in a subnet of two addresses or one. */
function directedBroadcast(address: string, netmask: string): string[] {
  const mask = addressNumber(netmask);
  if (mask > addressNumber("255.255.255.255") - 2 ** (32 - longestPrefixWithBroadcast) + 1) return [];
  return [addressText((addressNumber(address) | ~mask) >>> 0)];
}
