/** Whether a deployment is for who asks now, from that address. */
import { BlockList, isIP } from "node:net";
import type { DeploymentRecord } from "../../contract/administration.ts";

export type Window = "due" | "early" | "expired" | "elsewhere";

/** `address` as the site sees it; null where it is not known, which is inside no boundary. */
export function windowOf(
  { expires, starts, subnets = [] }: Pick<DeploymentRecord, "expires" | "starts" | "subnets">,
  address: string | null | undefined,
  nowMs = Date.now(),
): Window {
  if (starts && Date.parse(starts) > nowMs) return "early";
  if (expires && Date.parse(expires) <= nowMs) return "expired";
  return subnets.length === 0 || isWithin(address, subnets) ? "due" : "elsewhere";
}

/** `subnets` in CIDR notation. */
export function isWithin(address: string | null | undefined, subnets: readonly string[]): boolean {
  // An IPv4 address as a socket for both kinds shows it.
  const plain = (address ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  if (family === 0) return false;
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", prefix = ""] = subnet.split("/");
    list.addSubnet(network, Number(prefix), isIP(network) === 6 ? "ipv6" : "ipv4");
  }
  return list.check(plain, family === 6 ? "ipv6" : "ipv4");
}
