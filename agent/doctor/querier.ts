/** Whether anyone on the network asks for multicast memberships. */
import { setTimeout as sleep } from "node:timers/promises";
import { ok, warning, type Check } from "./check.ts";

const lookMs = 10;
/** A querier answers a leave at once, and again a second later (RFC 3376, 8.8); members answer within a second. */
const answerMs = 2500;
/** Long enough for the leave to be out. */
const awayMs = 150;

export interface QuerierProbe {
  heard(): boolean | null;
  join(): void;
  leave(): void;
}

/**
 * A querier asks only every two minutes, but who leaves a group is asked after at once. So: leave, join again, and see
 * whether the question comes. Null where the system does not say.
 */
export async function findQuerier({ heard, join, leave }: QuerierProbe): Promise<boolean | null> {
  if (heard() !== false) return heard();
  leave();
  await sleep(awayMs);
  join();
  const endMs = performance.now() + answerMs;
  while (performance.now() < endMs) {
    if (heard() === true) return true;
    await sleep(lookMs);
  }
  return false;
}

export function judgeQuerier(link: string, found: boolean | null): Check {
  if (found === null) {
    return ok("querier", "This system does not say whether there is one; --watch finds out");
  }
  if (found) return ok("querier", `A querier asks for memberships on ${link}`);
  const remedy =
    "Turn on an IGMP querier on one switch or router of this network, start the site with --igmp-querier, or turn IGMP snooping off. To see whether it matters here: --watch.";
  return warning(
    "querier",
    `No querier asks for memberships on ${link}: a snooping switch forgets groups after some minutes`,
    remedy,
  );
}
