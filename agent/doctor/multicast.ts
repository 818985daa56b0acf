/** Whether the site's multicast arrives, and where it ends when it does not. */
import { fault, ok, warning, type Check } from "./check.ts";

export interface MulticastFacts {
  group: string;
  /** The site's address that multicast comes from. */
  castAddress: string;
  timeToLive: number;
  /** Whether that address is in another network than this machine's card. */
  routed: boolean;
  link: { name: string; address: string };
  sent: number;
  /** By the site's own system, with its word for it. */
  refused: number;
  refusal: string;
  heard: number;
  /** Whether it reached the card, though perhaps not this program; null when the system does not count. */
  reachedCard: boolean | null;
  /** Another card of this machine on which it was heard. */
  elsewhere: { name: string; address: string } | null;
  /** Address of the card that the system's own route for the group leads over; null without one. */
  routeAddress: string | null;
  /** Null when it was not found out. */
  querier: boolean | null;
}

export function judgeMulticast(facts: MulticastFacts): Check[] {
  const { group, heard, sent } = facts;
  const detail = `${heard} of ${sent} test datagrams to ${group} arrived on ${facts.link.name}`;
  if (sent === 0 && facts.refused > 0) {
    const remedy = `The site's own system refuses to send (${facts.refusal}): look at its firewall, and at its route for multicast on ${facts.castAddress}.`;
    return [fault("multicast", `The site could not send to ${group}`, remedy)];
  }
  if (heard > 0) return [ok("multicast", detail), judgeInterface(facts)];
  if (facts.elsewhere !== null) {
    return [fault("multicast", detail, 'See the check "interface".'), judgeInterface(facts)];
  }
  return [fault("multicast", detail, silenceRemedy(facts))];
}

function silenceRemedy(facts: MulticastFacts): string {
  if (facts.reachedCard === true) return 'See the check "firewall".';
  if (facts.routed) {
    const hops =
      facts.timeToLive === 1
        ? "start the site with --time-to-live 2 or more, and route"
        : `the site sends with a time to live of ${facts.timeToLive}: route`;
    return `The site (${facts.castAddress}) is behind a router: ${hops} multicast (PIM) on every router between; or put a distribution point into this network.`;
  }
  const querier =
    facts.querier === false
      ? "No querier asks for memberships here, so a snooping switch learns no members: turn on an IGMP querier on one switch or router of this network, start the site with --igmp-querier, or turn snooping off."
      : "Look at the switches: IGMP snooping that does not see this port's membership, a filter for unknown multicast, client isolation, or another VLAN than the site's.";
  return `The network does not bring it to this card. ${querier} Until then the image comes by unicast.`;
}

function judgeInterface(facts: MulticastFacts): Check {
  const { elsewhere, link, routeAddress } = facts;
  if (elsewhere !== null) {
    const detail = `Multicast from ${facts.castAddress} arrives on ${elsewhere.name} (${elsewhere.address}), not on ${link.name} (${link.address}), where this machine listens`;
    const remedy = `Give --interface ${elsewhere.address} to this machine's agent, or have the site send into the network of ${link.name} (volley site --interface).`;
    return fault("interface", detail, remedy);
  }
  if (routeAddress !== null && routeAddress !== link.address) {
    const detail = `This machine listens on ${link.name} (${link.address}) and hears it, but its route for multicast leads over ${routeAddress}`;
    const remedy = `Nothing for Volley, which names the card; for other programs set the route for 224.0.0.0/4 to ${link.name}.`;
    return warning("interface", detail, remedy);
  }
  return ok("interface", `${link.name} (${link.address}) leads to the site, and multicast arrives there`);
}

export interface FirewallFacts {
  link: string;
  /** Whether any test multicast came to this program. */
  heard: boolean;
  /** Whether test datagrams came as far as the card, and no further. */
  stopsHere: boolean;
  /** Whether the system dropped them because their sender is reached by another card. */
  wrongWay: boolean;
}

/** Null when nothing can be said: neither the program nor the card got anything. */
export function judgeFirewall(facts: FirewallFacts): Check | null {
  if (facts.heard) return ok("firewall", "UDP reaches this program");
  if (!facts.stopsHere) return null;
  if (facts.wrongWay) {
    const remedy = `Reverse-path filtering drops it: make the site's address be reached over ${facts.link}, or set net.ipv4.conf.${facts.link}.rp_filter to 0 or 2.`;
    return fault("firewall", `Test datagrams reach ${facts.link}, but the system drops them`, remedy);
  }
  const detail = `Test datagrams reach ${facts.link}, but not this program`;
  const remedy =
    "This machine's own firewall drops them: let in UDP from the site to the site's ports for sessions (--port-range, 63000 to 64000 unless it says otherwise), multicast included. On Windows run the doctor as an administrator: it then opens the firewall as a deployment does.";
  return fault("firewall", detail, remedy);
}
