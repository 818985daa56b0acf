/** The network interfaces that PXE answers on, and which of them it is the DHCP server of. */
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { VolleyError } from "../../contract/errors.ts";

export interface PxeRange {
  first: string;
  last: string;
}
export interface PxeInterface {
  name: string;
  address: string;
  netmask: string;
  network: string;
  broadcast: string;
  mac: string;
  /** What is handed out; null where another DHCP server does that. */
  range: PxeRange | null;
}

/** Of FIRST-LAST. Throws E_USAGE. */
export function parseRange(text: string): PxeRange {
  const [first = "", last = "", ...more] = text.split("-");
  if (more.length > 0 || !isIPv4(first) || !isIPv4(last) || numberOf(first) > numberOf(last)) {
    throw new VolleyError("E_USAGE", `--pxe-range takes FIRST-LAST of IPv4 addresses, not "${text}".`);
  }
  return { first, last };
}

/** Throws E_PXE_INTERFACE, naming the interface or the range that fits none. */
export function pxeInterfaces(names: readonly string[], range: PxeRange | null): PxeInterface[] {
  const present = networkInterfaces();
  const found = names.map((name): PxeInterface => {
    const all = present[name];
    if (all === undefined) {
      const known = Object.keys(present).join(", ");
      throw new VolleyError(
        "E_PXE_INTERFACE",
        `There is no interface ${name} that is up; there are ${known}.`,
      );
    }
    const own = all.find(({ family, internal }) => family === "IPv4" && !internal);
    if (own === undefined) throw new VolleyError("E_PXE_INTERFACE", `Interface ${name} has no IPv4 address.`);
    const mask = numberOf(own.netmask);
    const network = (numberOf(own.address) & mask) >>> 0;
    const isHere = (address: string): boolean => (numberOf(address) & mask) >>> 0 === network;
    return {
      name,
      address: own.address,
      netmask: own.netmask,
      network: textOf(network),
      broadcast: textOf(network | ~mask),
      mac: own.mac,
      range: range !== null && isHere(range.first) && isHere(range.last) ? range : null,
    };
  });
  if (range !== null && found.every((one) => one.range === null)) {
    throw new VolleyError(
      "E_PXE_INTERFACE",
      `The range ${range.first}-${range.last} is in no network of ${names.join(", ")}.`,
    );
  }
  return found;
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, part) => (number << 8) | Number(part), 0) >>> 0;
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
