/** What the card that leads to the site says of itself. */
import type { LinkFacts } from "../platform/machine-network.ts";
import { fault, ok, warning, type Check } from "./check.ts";

/** Slower than this, a machine holds up nobody but itself, for hours. */
const slowestMbps = 100;

export function judgeLink(link: LinkFacts): Check {
  const speed = link.speedMbps === null ? "speed unknown" : `${link.speedMbps} Mbit/s`;
  const duplex = link.duplex === null ? "" : `, ${link.duplex} duplex`;
  const detail = `${link.name} (${link.address}): ${link.wireless ? "wireless, " : ""}${speed}${duplex}`;
  if (link.duplex === "half") {
    const remedy =
      "Set the switch port and this card both to negotiate by themselves: half duplex comes from one side that is fixed, or from a hub. Then try another cable.";
    return fault("link", detail, remedy);
  }
  if (link.speedMbps !== null && link.speedMbps < slowestMbps) {
    return fault("link", detail, "Use a port, cable and card of 1000 Mbit/s; let both sides negotiate.");
  }
  if (link.wireless) {
    const remedy =
      "Use a cable: access points send multicast at their lowest rate and repeat none of it; over the air the image will mostly come by unicast.";
    return warning("link", detail, remedy);
  }
  if (link.speedMbps !== null && link.speedMbps < 1000) {
    const remedy =
      "Use a port and a cable with four good pairs, which give 1000 Mbit/s; a machine at 100 Mbit/s is moved to unicast, or the room goes at its rate.";
    return warning("link", detail, remedy);
  }
  return ok("link", detail);
}
