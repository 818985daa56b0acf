/** What a system says of its network: the cards, what has reached them, and whether anyone asks for memberships. */
import { networkInterfaces } from "node:os";

/** A network card with an IPv4 address; one for each address. What a system does not say is null. */
export interface LinkFacts {
  name: string;
  address: string;
  /** Of the network's part of the address. */
  prefixBits: number;
  loopback: boolean;
  wireless: boolean;
  /** Largest IP packet. */
  mtuBytes: number | null;
  speedMbps: number | null;
  duplex: "full" | "half" | null;
}

/** All since the system started. */
export interface LinkCounters {
  /** Packets that reached the card, whatever became of them. */
  packets: number;
  /** UDP datagrams dropped because a program did not take them in time. */
  overflows: number;
  /** Packets put together from fragments. */
  reassembled: number;
  /** Packets dropped because their sender is reached by another card. */
  wrongWay: number;
}

export interface MachineNetwork {
  links(): LinkFacts[];
  /** Null where the system does not count. */
  counters(link: string): LinkCounters | null;
  /**
   * Whether a querier has asked for `group` (or, for some time, for any group) on this link; null where the system
   * does not say. An answer to a question waits at most a second, so look often.
   */
  querierHeard(link: string, group: string): boolean | null;
}

/** Names and addresses, which every system tells alike. */
export function plainLinks(): LinkFacts[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family }) => family === "IPv4")
      .map(({ address, cidr, internal }) => ({
        name,
        address,
        prefixBits: Number(cidr?.split("/")[1] ?? 32),
        loopback: internal,
        wireless: false,
        mtuBytes: null,
        speedMbps: null,
        duplex: null,
      })),
  );
}

/** Whether `address` is in the network that the link is on. */
export function isOnLink(link: Pick<LinkFacts, "address" | "prefixBits">, address: string): boolean {
  const shift = 2 ** (32 - link.prefixBits);
  const part = (text: string): number =>
    Math.floor(text.split(".").reduce((number, byte) => number * 256 + Number(byte), 0) / shift);
  return part(link.address) === part(address);
}
