/** The largest packet that gets from the site to this machine, whole. */
import { fault, ok, warning, type Check } from "./check.ts";

/** Of IP packets: what tunnels, VLANs and modems leave of 1500, and of jumbo frames. */
const usualSizes = [
  576, 1280, 1350, 1380, 1400, 1420, 1440, 1450, 1460, 1472, 1476, 1480, 1492, 1496, 1500, 2000, 4000, 8000,
];
/** Of each size. */
export const sizeRounds = 8;

/** docs/PROTOCOL.md 2: symbols are multiples of 64 bytes, with 72 of headers and tag. */
export function sessionPacketBytes(mtu: number): number {
  return Math.floor((mtu - 72) / 64) * 64 + 72;
}

/** Ascending, without one twice. */
export function sizesToTry(mtu: number): number[] {
  const sizes = [...usualSizes.filter((size) => size < mtu), sessionPacketBytes(mtu), mtu];
  return [...new Set(sizes)].sort((one, other) => one - other);
}

export interface SizeFacts {
  /** The site's setting. */
  mtu: number;
  link: { name: string; mtuBytes: number | null };
  /** How many of each size arrived. */
  heard: ReadonlyMap<number, number>;
  /** Packets that this machine had to put together meanwhile; null when the system does not count. */
  reassembled: number | null;
}

/** 0 when none of these sizes arrived. */
export function largestThatPasses({ heard, mtu }: SizeFacts): number {
  return Math.max(0, ...sizesToTry(mtu).filter((size) => (heard.get(size) ?? 0) > 0));
}

export function judgeSize(facts: SizeFacts): Check {
  const { link, mtu, reassembled } = facts;
  const passes = largestThatPasses(facts);
  const wanted = sessionPacketBytes(mtu);
  if (link.mtuBytes !== null && link.mtuBytes < wanted) {
    const remedy = `Set the MTU of ${link.name} to ${mtu}, or start the site with --mtu ${link.mtuBytes}.`;
    return fault("packet-size", `${link.name} takes ${link.mtuBytes} bytes, sessions have ${wanted}`, remedy);
  }
  if (passes < wanted) {
    const next = sizesToTry(mtu).find((size) => size > passes) ?? wanted;
    const detail = `Packets of ${passes} bytes arrive, of ${next} do not; sessions have ${wanted}`;
    const remedy = `Start the site with --mtu ${Math.max(passes, 576)}, or raise the MTU of what is between (tunnel, VPN, VLAN, PPPoE, virtual switch) to ${mtu}.`;
    return fault("packet-size", detail, remedy);
  }
  if (reassembled !== null && reassembled > 0) {
    const detail = `Packets of ${passes} bytes arrive, but in fragments`;
    const remedy =
      "Start the site with an --mtu that its own card takes: with each fragment that is lost the whole packet is.";
    return warning("packet-size", detail, remedy);
  }
  return ok("packet-size", `Packets of ${passes} bytes arrive whole; sessions have ${wanted}`);
}
