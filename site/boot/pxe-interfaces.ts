/** The network interfaces that PXE answers on, and which of them it is the DHCP server of. */
import { isIPv4 } from "node:net";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { runTool } from "../content/tools.ts";
import { addressNumber, addressText } from "../ipv4.ts";

const interfacesFolder = "/sys/class/net";

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
  if (more.length > 0 || !isIPv4(first) || !isIPv4(last) || addressNumber(first) > addressNumber(last)) {
    throw new VolleyError("E_USAGE", `--pxe-range takes FIRST-LAST of IPv4 addresses, not "${text}".`);
  }
  return { first, last };
}

/** What `ip -json address show` says, as far as it is needed. */
const Shown = z.array(
  z.object({
    address: z.string().default(""),
    addr_info: z
      .array(z.object({ family: z.string(), local: z.string(), prefixlen: z.int().min(0).max(32) }))
      .default([]),
  }),
);

/** Also of interfaces without a link. Throws E_PXE_INTERFACE, naming the interface or the range that fits none. */
export async function pxeInterfaces(
  names: readonly string[],
  range: PxeRange | null,
): Promise<PxeInterface[]> {
  const found: PxeInterface[] = [];
  for (const name of names) found.push(await pxeInterface(name, range));
  if (range !== null && found.every((one) => one.range === null)) {
    throw new VolleyError(
      "E_PXE_INTERFACE",
      `The range ${range.first}-${range.last} is in no network of ${names.join(", ")}.`,
    );
  }
  return found;
}

async function pxeInterface(name: string, range: PxeRange | null): Promise<PxeInterface> {
  if (!existsSync(join(interfacesFolder, name)) || !/^[^/]+$/.test(name)) {
    const known = readdirSync(interfacesFolder).filter((one) => one !== "lo");
    throw new VolleyError("E_PXE_INTERFACE", `There is no interface ${name}; there are ${known.join(", ")}.`);
  }
  const { complaint, exitCode, output } = await runTool("ip", [
    "-json",
    "-4",
    "address",
    "show",
    "dev",
    name,
  ]);
  if (exitCode !== 0) throw new VolleyError("E_PXE_INTERFACE", `Interface ${name}: ${complaint}.`);
  const [shown] = Shown.parse(JSON.parse(output));
  const own = shown?.addr_info.find(({ family }) => family === "inet");
  if (shown === undefined || own === undefined) {
    throw new VolleyError("E_PXE_INTERFACE", `Interface ${name} has no IPv4 address.`);
  }
  const mask = own.prefixlen === 0 ? 0 : (-1 << (32 - own.prefixlen)) >>> 0;
  const network = (addressNumber(own.local) & mask) >>> 0;
  const isHere = (address: string): boolean => (addressNumber(address) & mask) >>> 0 === network;
  return {
    name,
    address: own.local,
    netmask: addressText(mask),
    network: addressText(network),
    broadcast: addressText((network | ~mask) >>> 0),
    mac: shown.address,
    range: range !== null && isHere(range.first) && isHere(range.last) ? range : null,
  };
}
