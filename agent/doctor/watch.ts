/** Listens for minutes: a switch that forgets a group does so only when nobody has asked for it for a while. */
import { setTimeout as sleep } from "node:timers/promises";
import { fault, ok, type Check } from "./check.ts";

/** RFC 3376, 8.4: a membership that nobody renews ends after 260 s; some more for whoever counts slowly. */
export const defaultWatchSeconds = 330;
export const watchSecondsMost = 1500;
const roundMs = 2000;
const silentRoundsMost = 3;

export interface WatchProbe {
  /** Has the site send a few, and answers how many arrived. */
  round(): Promise<number>;
  join(): void;
  leave(): void;
  signal: AbortSignal;
}

export async function watch(seconds: number, probe: WatchProbe): Promise<Check> {
  probe.leave();
  probe.join();
  const startedMs = performance.now();
  const since = (): number => (performance.now() - startedMs) / 1000;
  let heardSeconds = 0;
  let silentRounds = 0;
  while (since() < seconds) {
    if ((await probe.round()) > 0) {
      heardSeconds = since();
      silentRounds = 0;
    } else if ((silentRounds += 1) >= silentRoundsMost) return judgeSilence(heardSeconds, probe);
    await sleep(Math.min(roundMs, Math.max(0, seconds - since()) * 1000), undefined, {
      signal: probe.signal,
    });
  }
  return ok("membership", `Multicast arrived for ${Math.round(seconds)} s without a break`);
}

/** Whether to join anew brings it back tells a forgotten group from a broken network. */
async function judgeSilence(heardSeconds: number, probe: WatchProbe): Promise<Check> {
  probe.leave();
  probe.join();
  const back = (await probe.round()) + (await probe.round()) > 0;
  const detail = `Multicast stopped ${Math.round(heardSeconds)} s after this machine had joined`;
  if (back) {
    const remedy =
      "A switch forgets the group because nobody asks for it often enough: turn on an IGMP querier on one switch or router of this network (every 125 s is usual), start the site with --igmp-querier, or turn IGMP snooping off.";
    return fault("membership", `${detail}, and came back when it joined anew`, remedy);
  }
  const remedy =
    "To join anew did not help: look at what changed in the network at that time, then run the doctor again.";
  return fault("membership", detail, remedy);
}
