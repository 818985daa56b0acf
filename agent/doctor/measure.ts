/** What is found out with the site's help, one check after the other. */
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { isOnLink, type MachineNetwork } from "../platform/machine-network.ts";
import type { Check } from "./check.ts";
import { judgeFirewall, judgeMulticast } from "./multicast.ts";
import { judgeSize, largestThatPasses, sessionPacketBytes, sizeRounds, sizesToTry } from "./packet-size.ts";
import { Probe, type ProbeOptions } from "./probe.ts";
import { judgeQuerier } from "./querier.ts";
import { goesOn, isRise, judgeLoss, judgeRate, lossOf, type RateStep, rateSteps, together } from "./rates.ts";
import { judgeUnicast } from "./unicast.ts";
import { watch } from "./watch.ts";
import type { Way } from "./way.ts";

export interface MeasureOptions extends Omit<ProbeOptions, "link" | "siteAddress"> {
  way: Way;
  network: MachineNetwork;
  interfaceAddressTo(address: string): Promise<string>;
  watchSeconds: number | null;
  tell(check: Check): void;
}

const questions = 60;

/** Throws what ended it, after what was found before was told. */
export async function measure(options: MeasureOptions): Promise<void> {
  const { tell, watchSeconds, way } = options;
  const probe = await Probe.open({ ...options, ...way });
  try {
    const unicastStopsHere = await measureUnicast(options, probe);
    const heard = await measureMulticast(options, probe, unicastStopsHere);
    if (!heard) return;
    const packetBytes = await measureSizes(options, probe);
    await measureRates(options, probe, packetBytes);
    tell(judgeQuerier(way.link.name, await probe.querier()));
    if (watchSeconds === null) return;
    const surroundings = {
      round: () => probe.few(),
      join: () => probe.join(),
      leave: () => probe.leave(),
      signal: options.signal,
    };
    tell(await watch(watchSeconds, surroundings));
  } finally {
    probe.close();
  }
}

/** Answers whether UDP came as far as the card, and no further. */
async function measureUnicast({ facts, tell, way }: MeasureOptions, probe: Probe): Promise<boolean> {
  const largeBytes = Math.min(sessionPacketBytes(facts.mtu), way.link.mtuBytes ?? facts.mtu);
  const { reachedCard, result } = await probe.counting(() => probe.ask(questions, largeBytes));
  const { counts, echoes } = result;
  const reached = counts.arrived > 0 ? reachedCard(counts.arrived) : null;
  tell(
    judgeUnicast({
      small: questions / 2,
      large: questions / 2,
      largeBytes,
      counts,
      smallBack: echoes.sizes.get(limits.doctorPacketBytesLeast) ?? 0,
      largeBack: echoes.sizes.get(largeBytes) ?? 0,
      echoPort: facts.echoPort,
      reachedCard: reached,
    }),
  );
  return echoes.received === 0 && reached === true;
}

/** Answers whether it is heard where it should be. */
async function measureMulticast(
  options: MeasureOptions,
  probe: Probe,
  unicastStopsHere: boolean,
): Promise<boolean> {
  const { facts, tell, way } = options;
  const { result, wrongWay, ...counted } = await probe.counting(() => probe.presence());
  const { sent } = result.answer;
  const heard = result.heard.received;
  const reachedCard = heard > 0 || (sent > 0 ? counted.reachedCard(sent) : null);
  const lost = sent > 0 && reachedCard !== true;
  const elsewhere = lost ? await probe.elsewhere() : null;
  const checks = judgeMulticast({
    group: facts.group,
    castAddress: facts.castAddress,
    timeToLive: facts.timeToLive,
    routed: !isOnLink(way.link, facts.castAddress),
    link: way.link,
    sent,
    refused: result.answer.refused,
    refusal: result.answer.refusal,
    heard,
    reachedCard,
    elsewhere,
    routeAddress: await options.interfaceAddressTo(facts.group).catch(() => null),
    querier: lost && elsewhere === null ? await probe.querier() : null,
  });
  const firewall = judgeFirewall({
    link: way.link.name,
    heard: heard > 0,
    stopsHere: reachedCard === true || unicastStopsHere,
    wrongWay,
  });
  for (const check of checks) {
    tell(check);
    if (check.name === "multicast" && firewall !== null) tell(firewall);
  }
  return heard > 0;
}

/** Answers the size of the packets to go on with. */
async function measureSizes({ facts, tell, way }: MeasureOptions, probe: Probe): Promise<number> {
  const { heard, reassembled } = await probe.sizes(sizesToTry(facts.mtu), sizeRounds);
  const found = { mtu: facts.mtu, link: way.link, heard: heard.sizes, reassembled };
  tell(judgeSize(found));
  return Math.min(sessionPacketBytes(facts.mtu), largestThatPasses(found) || limits.doctorPacketBytesLeast);
}

async function measureRates({ tell, way }: MeasureOptions, probe: Probe, packetBytes: number): Promise<void> {
  const steps: RateStep[] = [];
  let why = "";
  for (const askedMbps of rateSteps) {
    try {
      steps.push(await measureRate(steps, probe, { askedMbps, packetBytes }));
    } catch (error) {
      const failure = toVolleyError(error);
      if (failure.code !== "E_DOCTOR_BUSY" || steps.length === 0) throw failure;
      why = failure.detail.replace(/\.$/, "");
      break;
    }
    if (!goesOn(steps)) break;
  }
  const [first] = steps;
  if (first === undefined) throw new VolleyError("E_INTERNAL", "No rate was measured");
  tell(judgeLoss(first));
  tell(judgeRate(steps, way.link.speedMbps, why));
}

/** Twice, where something was lost that would matter. */
async function measureRate(
  before: readonly RateStep[],
  probe: Probe,
  { askedMbps, packetBytes }: { askedMbps: number; packetBytes: number },
): Promise<RateStep> {
  const step = await probe.rate(askedMbps, packetBytes);
  if (before.length === 0) {
    return lossOf(step) > 0 ? together(step, await probe.rate(askedMbps, packetBytes)) : step;
  }
  if (!isRise(before, step)) return step;
  // One hiccup of one program is no property of the network.
  const again = await probe.rate(askedMbps, packetBytes);
  return lossOf(again) < lossOf(step) ? again : step;
}
