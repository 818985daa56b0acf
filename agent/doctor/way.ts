/** The way to the site without its help: name, route, card, TCP. */
import { lookup } from "node:dns/promises";
import { toVolleyError } from "../../contract/errors.ts";
import type { LinkFacts, MachineNetwork } from "../platform/machine-network.ts";
import type { SiteAddress } from "../site/transport.ts";
import { type Check, fault, ok } from "./check.ts";
import { answersShortly, tryConnection } from "./connection.ts";

const connectMs = 4000;

export interface Way {
  /** IPv4 address of the site. */
  siteAddress: string;
  /** Where this machine listens. */
  link: LinkFacts;
}

export interface WayOptions {
  site: SiteAddress;
  /** The card that a person named. */
  interfaceAddress: string | null;
  interfaceAddressTo(address: string): Promise<string>;
  network: MachineNetwork;
  tell(check: Check): void;
}

/** Null when there is none, which is told. */
export async function findWay(options: WayOptions): Promise<Way | null> {
  const { interfaceAddress, network, site, tell } = options;
  let siteAddress: string;
  try {
    siteAddress = (await lookup(site.host, { family: 4 })).address;
  } catch (error) {
    const remedy = "Check the name, and the name servers of this machine; or give the site's address.";
    tell(fault("route", `${site.host} is not known here (${(error as Error).message})`, remedy));
    return null;
  }
  let source: string;
  try {
    source = await options.interfaceAddressTo(siteAddress);
  } catch (error) {
    const remedy =
      "Give this machine an address in the site's network, or a default gateway; look at cable and DHCP.";
    tell(fault("route", `${toVolleyError(error).detail}; ${addressesText(network)}`, remedy));
    return null;
  }
  const links = network.links();
  const chosen = interfaceAddress ?? source;
  const link = links.find(({ address }) => address === chosen);
  if (link === undefined) {
    const remedy = `Give --interface one of this machine's addresses: ${links.map(({ address }) => address).join(", ")}.`;
    tell(fault("route", `No card of this machine has the address ${chosen}`, remedy));
    return null;
  }
  tell(ok("route", `${siteAddress} is reached from ${source}`));
  return { siteAddress, link };
}

function addressesText(network: MachineNetwork): string {
  const links = network.links().filter(({ loopback }) => !loopback);
  if (links.length === 0) return "no card of this machine has an address";
  return `this machine has ${links.map(({ address, name, prefixBits }) => `${address}/${prefixBits} (${name})`).join(", ")}`;
}

const remedies: Record<string, string> = {
  ECONNREFUSED: "Check the port, and that the site runs: nothing listens there.",
  EHOSTUNREACH:
    "Check that the site's machine runs and is in the network that its address says: nobody answers to it.",
  ENETUNREACH: "Give this machine an address in the site's network, or a default gateway.",
};

/** Whether TCP connects. */
export async function judgeConnection(site: SiteAddress, siteAddress: string): Promise<Check> {
  const startedMs = performance.now();
  const found = await tryConnection(siteAddress, site.port, connectMs);
  const where = `${siteAddress}, TCP port ${site.port}`;
  switch (found.end) {
    case "connected":
      return ok("connection", `${where} answers in ${Math.round(performance.now() - startedMs)} ms`);
    case "silent": {
      const remedy = `Let TCP to port ${site.port} through this machine's firewall, the site's, and what is between; check that the site's machine runs.`;
      return fault("connection", `${where}: no answer in ${connectMs / 1000} s`, remedy);
    }
    case "failed": {
      const remedy = remedies[found.code] ?? "Check the address, the network and that the site runs.";
      return fault("connection", `${where}: ${found.code}`, remedy);
    }
  }
}

/** What it means that the site's HTTPS did not answer although TCP connects. */
export async function judgeNoAnswer(
  site: SiteAddress,
  siteAddress: string,
  why: string,
  mtuBytes: number | null,
): Promise<Check> {
  if (await answersShortly(siteAddress, site.port, connectMs)) {
    const remedy = `Packets as long as this machine's card takes (${mtuBytes ?? "1500"} bytes) get lost on the way: raise the MTU of what is between (tunnel, VPN, VLAN, PPPoE, virtual switch), or lower it on both machines and start the site with --mtu.`;
    return fault("packet-size", "Short packets come back from the site, its longer answers do not", remedy);
  }
  return fault("connection", why, "Check that this is the site's port, and that the site is not overloaded.");
}
