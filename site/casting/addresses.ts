/** Multicast groups and ports for sessions, from the ranges the administrator gives. */
import { randomInt } from "node:crypto";
import { isIPv4 } from "node:net";
import { VolleyError } from "../../contract/errors.ts";
import { addressNumber, addressText } from "../ipv4.ts";

export interface GroupRange {
  /** First address and how many, as numbers. */
  first: number;
  count: number;
}
export interface PortRange {
  first: number;
  count: number;
}

export const defaultGroupRange = "239.0.0.0/8";
export const defaultPortRange = "63000-64000";

/** "239.0.0.0/8", or one address. Throws E_USAGE. */
export function parseGroupRange(text: string): GroupRange {
  const [address = "", bits = "32", rest] = text.split("/");
  const length = Number(bits);
  const wrong = (why: string) =>
    new VolleyError("E_USAGE", `${text} is not a range of multicast groups: ${why}.`);
  if (rest !== undefined || !isIPv4(address)) throw wrong("it has to be ADDRESS/BITS");
  if (!Number.isInteger(length) || length < 8 || length > 32) throw wrong("the bits have to be 8 to 32");
  const count = 2 ** (32 - length);
  const first = addressNumber(address);
  if (first < addressNumber("224.0.0.0") || first + count - 1 > addressNumber("239.255.255.255")) {
    throw wrong("groups are 224.0.0.0 to 239.255.255.255");
  }
  if (first % count !== 0) throw wrong(`it does not begin at a multiple of its size`);
  return { first, count };
}

/** "63000-64000". Throws E_USAGE. */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (!match || first < 1 || last > 65_535 || last - first < 2) {
    throw new VolleyError("E_USAGE", `${text} is not a range of at least three ports, FIRST-LAST.`);
  }
  return { first, count: last - first + 1 };
}

/** An Ethernet card sees only these bits of a group; groups that share them share their listeners. */
const macBits = 0x7f_ffff;
/** Switches flood what goes to the addresses of 224.0.0.0/24, and to every group that looks like one. */
const reservedLast = 0xff;

/** A group that shares its MAC address with none of `taken`. Throws E_CONFLICT when the range is used up. */
export function chooseGroup(range: GroupRange, taken: readonly string[]): string {
  const used = new Set(taken.map((group) => addressNumber(group) & macBits));
  const begin = randomInt(range.count);
  const tries = Math.min(range.count, 65_536);
  for (let step = 0; step < tries; step += 1) {
    const group = range.first + ((begin + step) % range.count);
    const mac = group & macBits;
    if (mac > reservedLast && !used.has(mac)) return addressText(group);
  }
  throw new VolleyError("E_CONFLICT", "Every multicast group of the site's range is in use or reserved.");
}

/** A port of the range that is not in `taken`. Throws E_CONFLICT when the range is used up. */
export function choosePort(range: PortRange, taken: readonly number[]): number {
  const used = new Set(taken);
  const begin = randomInt(range.count);
  for (let step = 0; step < range.count; step += 1) {
    const port = range.first + ((begin + step) % range.count);
    if (!used.has(port)) return port;
  }
  throw new VolleyError("E_CONFLICT", "Every port of the site's range is in use.");
}
