/** The network adapters of this Linux, from `ip` and the resolver's settings. */
import { readFile } from "node:fs/promises";
import type { AdapterFacts, NetworkState } from "../services.ts";
import type { Tools } from "../step.ts";

interface IpLink {
  ifname: string;
  address?: string;
  link_type?: string;
  addr_info?: { family: string; local: string; prefixlen: number; dynamic?: boolean }[];
}
interface IpRoute {
  dst: string;
  dev: string;
  gateway?: string;
}

/** `resolver`: path of resolv.conf. An adapter with an address that expires has it by DHCP. */
export function linuxNetwork(tools: Tools, resolver = "/etc/resolv.conf"): NetworkState {
  return {
    async adapters() {
      const links = await ask<IpLink>(tools, ["ip", "-json", "-4", "address", "show"]);
      const routes = await ask<IpRoute>(tools, ["ip", "-json", "-4", "route", "show", "default"]);
      const dns = await readResolver(resolver);
      const adapters: AdapterFacts[] = [];
      for (const link of links) {
        if (link.link_type !== "ether" || link.address === undefined) continue;
        const own = (link.addr_info ?? []).filter(({ family }) => family === "inet");
        const gateways = routes
          .filter((route) => route.dev === link.ifname)
          .map(({ gateway }) => gateway)
          .filter((gateway) => gateway !== undefined);
        adapters.push({
          name: link.ifname,
          macAddress: link.address,
          dhcp: own.length === 0 || own.some(({ dynamic }) => dynamic === true),
          addresses: own.map(({ local, prefixlen }) => ({ address: local, mask: maskOf(prefixlen) })),
          gateways,
          dnsServers: gateways.length > 0 ? dns.servers : [],
          dnsDomain: dns.domain,
        });
      }
      return adapters;
    },
  };
}

async function ask<Row>(tools: Tools, command: string[]): Promise<Row[]> {
  const { exitCode, output } = await tools.run({ command });
  return exitCode === 0 && output.trim() !== "" ? (JSON.parse(output) as Row[]) : [];
}

async function readResolver(path: string): Promise<{ servers: string[]; domain: string }> {
  const text = await readFile(path, "utf8").catch(() => "");
  return {
    servers: [...text.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)/gm)].map((match) => match[1] ?? ""),
    domain: /^\s*(?:search|domain)\s+(\S+)/m.exec(text)?.[1] ?? "",
  };
}

/** "255.255.255.0" for 24. */
function maskOf(prefix: number): string {
  const bits = "1".repeat(prefix).padEnd(32, "0");
  return [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join(".");
}
