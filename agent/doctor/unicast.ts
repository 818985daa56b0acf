/** UDP between this machine and the site, as a receiver's reports take it. */
import type { EchoCounts } from "../../contract/doctor.ts";
import { fault, ok, warning, type Check } from "./check.ts";

export interface UnicastFacts {
  /** Questions, small ones and some of a session's packet size. */
  small: number;
  large: number;
  largeBytes: number;
  /** What reached the site. */
  counts: EchoCounts;
  /** Answers that came back to this program. */
  smallBack: number;
  largeBack: number;
  echoPort: number;
  /** Whether answers reached the card; null when the system does not count. */
  reachedCard: boolean | null;
}

/** What part may be lost before it is worth a word: reports are repeated. */
const lossWorthWords = 0.1;

export function judgeUnicast(facts: UnicastFacts): Check {
  const asked = facts.small + facts.large;
  const back = facts.smallBack + facts.largeBack;
  const detail = `${facts.counts.arrived} of ${asked} UDP packets reached the site, ${back} answers came back`;
  if (facts.counts.arrived === 0) {
    const remedy = `Let UDP out of this machine, and in at the site and at what is between, to the site's ports for sessions (--port-range; this was ${facts.echoPort}). Without it the site does not learn what this machine lacks.`;
    return fault("unicast", detail, remedy);
  }
  if (back === 0) {
    const remedy =
      facts.reachedCard === true
        ? 'See the check "firewall".'
        : "Let UDP from the site through what is between: what leaves here arrives, but no answer comes back.";
    return fault("unicast", detail, remedy);
  }
  if (facts.counts.largestPacketBytes < facts.largeBytes && facts.smallBack > 0) {
    const remedy = `Packets of ${facts.largeBytes} bytes do not get from here to the site. Raise the MTU of what is between, or start the site with a smaller --mtu.`;
    return fault("unicast", detail, remedy);
  }
  if (back < asked * (1 - lossWorthWords)) {
    return warning("unicast", detail, "Look for a bad cable, a full link or a wireless one on the way.");
  }
  return ok("unicast", detail);
}
