/** What Linux says of its network, in /sys/class/net and /proc. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LinkCounters, type LinkFacts, type MachineNetwork, plainLinks } from "../machine-network.ts";

/** `root` stands for "/". */
export function linuxNetwork(root = "/"): MachineNetwork {
  return {
    links: () => plainLinks().map((link) => ({ ...link, ...cardFacts(root, link.name) })),
    counters: (link) => counters(root, link),
    querierHeard: (link, group) => querierHeard(root, link, group),
  };
}

/** The kernel's Documentation/ABI/testing/sysfs-class-net: speed is -1 or unreadable when it is not known. */
function cardFacts(
  root: string,
  name: string,
): Omit<LinkFacts, "name" | "address" | "prefixBits" | "loopback"> {
  const folder = join(root, "sys/class/net", name.split(":")[0] ?? name);
  const speedMbps = Number(read(join(folder, "speed")) ?? -1);
  const mtuBytes = Number(read(join(folder, "mtu")) ?? 0);
  const duplex = read(join(folder, "duplex"))?.trim();
  return {
    wireless: existsSync(join(folder, "wireless")) || existsSync(join(folder, "phy80211")),
    mtuBytes: mtuBytes > 0 ? mtuBytes : null,
    speedMbps: speedMbps > 0 ? speedMbps : null,
    duplex: duplex === "full" || duplex === "half" ? duplex : null,
  };
}

function counters(root: string, link: string): LinkCounters | null {
  const packets = read(join(root, "sys/class/net", link, "statistics/rx_packets"));
  const protocols = read(join(root, "proc/net/snmp"));
  const extensions = read(join(root, "proc/net/netstat"));
  if (packets === null || protocols === null || extensions === null) return null;
  return {
    packets: Number(packets),
    overflows: counter(protocols, "Udp", "RcvbufErrors"),
    reassembled: counter(protocols, "Ip", "ReasmOKs"),
    wrongWay: counter(extensions, "TcpExt", "IPReversePathFilter"),
  };
}

/** These files have pairs of lines: names, then values in the same order. 0 for what is not there. */
function counter(text: string, protocol: string, name: string): number {
  const [names, values] = text
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(" "));
  return Number(values?.[names?.indexOf(name) ?? -1] ?? 0);
}

/**
 * net/ipv4/igmp.c: the version is 3 until an older querier is heard, and below it a group's timer runs between a
 * question and its answer. Where a version is forced, neither tells anything.
 */
function querierHeard(root: string, link: string, group: string): boolean | null {
  const table = read(join(root, "proc/net/igmp"));
  const settings = join(root, "proc/sys/net/ipv4/conf");
  const forced = ["all", link].some(
    (name) => Number(read(join(settings, name, "force_igmp_version")) ?? 0) !== 0,
  );
  if (table === null || forced) return null;
  const wanted = group.split(".").toReversed().map(hexByte).join("");
  let here = false;
  for (const line of table.split("\n")) {
    const card = /^\d+\s+(\S+)\s*:\s*\d+\s+(V\d)/.exec(line);
    if (card) {
      here = card[1] === link;
      if (here && card[2] !== "V3") return true;
    } else if (here && new RegExp(`^\\s+${wanted}\\s+\\d+\\s+1:`).test(line)) return true;
  }
  return false;
}

function hexByte(text: string): string {
  return Number(text).toString(16).toUpperCase().padStart(2, "0");
}

/** Null when it is not there, or the driver does not tell. */
function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
