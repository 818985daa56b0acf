/** The order of the checks: each goes on from what the last one found, and ends where going on tells nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BurstAnswer, BurstRequest, EchoCounts, Examination } from "../../contract/doctor.ts";
import { type ErrorCode, toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { isOnLink, type MachineNetwork } from "../platform/machine-network.ts";
import type { SiteAddress } from "../site/transport.ts";
import { type Check, fault, ok, warning } from "./check.ts";
import { Ear, type Heard, settle } from "./ear.ts";
import { judgeLink } from "./link.ts";
import { judgeFirewall, judgeMulticast } from "./multicast.ts";
import { judgeSize, largestThatPasses, sessionPacketBytes, sizeRounds, sizesToTry } from "./packet-size.ts";
import { findQuerier, judgeQuerier } from "./querier.ts";
import {
  goesOn,
  isRise,
  judgeLoss,
  judgeRate,
  lossOf,
  type RateStep,
  rateSteps,
  stepMs,
  together,
} from "./rates.ts";
import { judgeUnicast } from "./unicast.ts";
import { watch } from "./watch.ts";
import { findWay, judgeConnection, judgeNoAnswer, type Way } from "./way.ts";

/** What the doctor asks of the site; all throw VolleyErrors. */
export interface Examiner {
  open(): Promise<Examination>;
  burst(id: string, request: BurstRequest): Promise<BurstAnswer>;
  counts(id: string): Promise<EchoCounts>;
  close(id: string): Promise<void>;
}

export interface ExamineOptions {
  site: SiteAddress;
  interfaceAddress: string | null;
  /** Null: only what takes seconds. */
  watchSeconds: number | null;
  network: MachineNetwork;
  interfaceAddressTo(address: string): Promise<string>;
  /** Trusts the site, and has a key for it or gets one. Throws E_SITE_UNREACHABLE and `aboutEnrolment`. */
  enrol(): Promise<Examiner>;
  tell(check: Check): void;
  signal: AbortSignal;
}

/** Throws only E_CANCELLED and what is a bug: everything else is a check. */
export async function examine(options: ExamineOptions): Promise<void> {
  const { network, site, tell } = options;
  const way = await findWay(options);
  if (way === null) {
    for (const link of network.links().filter(({ loopback }) => !loopback)) tell(judgeLink(link));
    return;
  }
  tell(judgeLink(way.link));
  const connection = await judgeConnection(site, way.siteAddress);
  tell(connection);
  if (connection.verdict === "fault") return;
  const opened = await openExamination(options, way);
  if (opened === null) return;
  const { examiner, facts } = opened;
  try {
    await new Examining(options, way, examiner, facts).run();
  } catch (error) {
    if (options.signal.aborted) throw error;
    tell(examinationFailed(error));
  } finally {
    await examiner.close(facts.id).catch(() => {});
  }
}

/** Null when there is none, which is told. */
async function openExamination(
  options: ExamineOptions,
  way: Way,
): Promise<{ examiner: Examiner; facts: Examination } | null> {
  const { enrol, signal, site, tell } = options;
  try {
    const examiner = await enrol();
    const facts = await openPatiently(examiner, signal);
    tell(ok("enrolment", "The site is the one that is trusted here, and it knows this machine"));
    return { examiner, facts };
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, detail, entry } = toVolleyError(error);
    if (code === "E_SITE_UNREACHABLE") {
      tell(await judgeNoAnswer(site, way.siteAddress, detail, way.link.mtuBytes));
    } else if (aboutEnrolment.has(code)) {
      const remedy =
        code === "E_NOT_ENROLLED"
          ? "Give --credential-file FILE, or the state folder of an agent that is enrolled (--state DIR): test multicast is sent only to machines that the site knows."
          : entry.remedy;
      tell(fault("enrolment", detail, remedy));
    } else tell(examinationFailed(error));
    return null;
  }
}

const aboutEnrolment: ReadonlySet<string> = new Set<ErrorCode>([
  "E_NOT_ENROLLED",
  "E_CREDENTIAL_REFUSED",
  "E_TOO_MANY_ATTEMPTS",
  "E_SITE_UNTRUSTED",
  "E_USAGE",
  "E_OUTBOX",
]);

const openTries = 4;

/** A busy site is asked again for some seconds. */
async function openPatiently(examiner: Examiner, signal: AbortSignal): Promise<Examination> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await examiner.open();
    } catch (error) {
      if (toVolleyError(error).code !== "E_DOCTOR_BUSY" || attempt === openTries) throw error;
      await sleep(1000, undefined, { signal });
    }
  }
}

function examinationFailed(error: unknown): Check {
  const { code, detail, entry } = toVolleyError(error);
  if (code === "E_DOCTOR_BUSY") return warning("examination", detail, entry.remedy);
  if (code === "E_NOT_FOUND") {
    return warning("examination", detail, "Bring the site to a version that sends test multicast.");
  }
  return fault("examination", `${code}: ${detail}`, entry.remedy);
}

/** Gentle enough for many machines at once. */
const gentleMbps = 5;
const presencePackets = 200;
const presenceBytes = 200;
const questions = 60;
const settling = { quietMs: 200, mostMs: 700 };
/** Switches and their queriers take a moment to let a new member hear. */
const joinMs = 250;
const otherCardsMost = 4;

class Examining {
  readonly #options: ExamineOptions;
  readonly #way: Way;
  readonly #examiner: Examiner;
  readonly #facts: Examination;

  constructor(options: ExamineOptions, way: Way, examiner: Examiner, facts: Examination) {
    this.#options = options;
    this.#way = way;
    this.#examiner = examiner;
    this.#facts = facts;
  }

  async run(): Promise<void> {
    const ear = await Ear.open(this.#facts);
    try {
      ear.join(this.#way.link.address);
      await sleep(joinMs, undefined, { signal: this.#options.signal });
      const quiet = await this.#quietPacketsPerMs();
      const unicast = await this.#unicast(ear, quiet);
      const heardHere = await this.#multicast(ear, quiet, unicast);
      if (!heardHere) return;
      const packetBytes = await this.#sizes(ear);
      await this.#rates(ear, packetBytes);
      this.#options.tell(judgeQuerier(this.#way.link.name, await this.#querier(ear)));
      await this.#watch(ear);
    } finally {
      ear.close();
    }
  }

  /** What reaches the card anyhow. */
  async #quietPacketsPerMs(): Promise<number> {
    const before = this.#packets();
    const startedMs = performance.now();
    await sleep(joinMs, undefined, { signal: this.#options.signal });
    return (this.#packets() - before) / (performance.now() - startedMs);
  }

  #packets(): number {
    return this.#options.network.counters(this.#way.link.name)?.packets ?? 0;
  }

  /** Runs `work`, and says whether most of `wanted` packets reached the card meanwhile; null when that is not counted. */
  async #countingCard<Result>(
    work: () => Promise<Result>,
    quiet: number,
  ): Promise<{ result: Result; reached: (wanted: number) => boolean | null; wrongWay: boolean }> {
    const count = () => this.#options.network.counters(this.#way.link.name);
    const before = count();
    const startedMs = performance.now();
    const result = await work();
    const after = count();
    const own = (after?.packets ?? 0) - (before?.packets ?? 0) - quiet * (performance.now() - startedMs);
    return {
      result,
      reached: (wanted) => (before === null || after === null ? null : own > wanted / 2),
      wrongWay: (after?.wrongWay ?? 0) > (before?.wrongWay ?? 0) + presencePackets / 4,
    };
  }

  /** Answers whether anything came to this program, or at least to its card. */
  async #unicast(ear: Ear, quiet: number): Promise<{ heard: boolean; reachedCard: boolean | null }> {
    const { echoPort, mtu } = this.#facts;
    const largeBytes = Math.min(sessionPacketBytes(mtu), this.#way.link.mtuBytes ?? mtu);
    const { reached, result } = await this.#countingCard(async () => {
      for (let number = 0; number < questions; number += 1) {
        const packetBytes = number % 2 === 0 ? limits.doctorPacketBytesLeast : largeBytes;
        await ear.ask({ burst: 0, number, packetBytes }, this.#way.siteAddress, echoPort);
        await sleep(2);
      }
      await settle(ear.echoes, questions, settling);
      return this.#examiner.counts(this.#facts.id);
    }, quiet);
    const heard = ear.echoes.received > 0;
    const reachedCard = reached(result.arrived);
    this.#options.tell(
      judgeUnicast({
        small: questions / 2,
        large: questions / 2,
        largeBytes,
        counts: result,
        smallBack: ear.echoes.sizes.get(limits.doctorPacketBytesLeast) ?? 0,
        largeBack: ear.echoes.sizes.get(largeBytes) ?? 0,
        echoPort,
        reachedCard,
      }),
    );
    return { heard, reachedCard: result.arrived > 0 ? reachedCard : null };
  }

  /** Answers whether it is heard where it should be. */
  async #multicast(
    ear: Ear,
    quiet: number,
    unicast: { heard: boolean; reachedCard: boolean | null },
  ): Promise<boolean> {
    const { link } = this.#way;
    const { group, castAddress, timeToLive } = this.#facts;
    const counted = await this.#countingCard(() => this.#presence(ear), quiet);
    const { answer, heard } = counted.result;
    const silent = heard.received === 0 && answer.sent > 0;
    const reachedCard = heard.received > 0 || (answer.sent > 0 ? counted.reached(answer.sent) : null);
    const elsewhere = silent && reachedCard !== true ? await this.#elsewhere(ear) : null;
    const querier = silent && reachedCard !== true && elsewhere === null ? await this.#querier(ear) : null;
    const facts = {
      group,
      castAddress,
      timeToLive,
      routed: !isOnLink(link, castAddress),
      link,
      sent: answer.sent,
      refused: answer.refused,
      refusal: answer.refusal,
      heard: heard.received,
      reachedCard,
      wrongWay: counted.wrongWay,
      elsewhere,
      routeAddress: await this.#options.interfaceAddressTo(group).catch(() => null),
      querier,
    };
    const firewall = judgeFirewall({
      link: link.name,
      heard: heard.received > 0,
      reachedCard: reachedCard === true || (!unicast.heard && unicast.reachedCard === true),
      wrongWay: counted.wrongWay,
    });
    for (const check of judgeMulticast(facts)) {
      this.#options.tell(check);
      if (check.name === "multicast" && firewall !== null) this.#options.tell(firewall);
    }
    return heard.received > 0;
  }

  async #presence(ear: Ear): Promise<{ answer: BurstAnswer; heard: Heard }> {
    const request = { packetBytes: [presenceBytes], packets: presencePackets, rateMbps: gentleMbps };
    const answer = await this.#examiner.burst(this.#facts.id, request);
    const heard = ear.of(answer.burst);
    await settle(heard, answer.sent, settling);
    return { answer, heard };
  }

  /** Another card on which it is heard. */
  async #elsewhere(ear: Ear): Promise<{ name: string; address: string } | null> {
    const { link } = this.#way;
    const others = this.#options.network
      .links()
      .filter((other) => !other.loopback && other.name !== link.name)
      .slice(0, otherCardsMost);
    ear.leave(link.address);
    try {
      for (const other of others) {
        ear.join(other.address);
        await sleep(joinMs, undefined, { signal: this.#options.signal });
        const { heard } = await this.#presence(ear);
        ear.leave(other.address);
        if (heard.received > 0) return { name: other.name, address: other.address };
      }
      return null;
    } finally {
      ear.join(link.address);
    }
  }

  /** Answers the largest packet that passes. */
  async #sizes(ear: Ear): Promise<number> {
    const { mtu } = this.#facts;
    const { link } = this.#way;
    const before = this.#options.network.counters(link.name);
    const packetBytes = sizesToTry(mtu);
    const request = { packetBytes, packets: packetBytes.length * sizeRounds, rateMbps: gentleMbps };
    const answer = await this.#examiner.burst(this.#facts.id, request);
    const heard = ear.of(answer.burst);
    await settle(heard, answer.sent, settling);
    const after = this.#options.network.counters(link.name);
    const facts = {
      mtu,
      link,
      heard: heard.sizes,
      reassembled: before === null || after === null ? null : after.reassembled - before.reassembled,
    };
    this.#options.tell(judgeSize(facts));
    return Math.min(sessionPacketBytes(mtu), largestThatPasses(facts) || limits.doctorPacketBytesLeast);
  }

  async #rates(ear: Ear, packetBytes: number): Promise<void> {
    const steps: RateStep[] = [];
    let why = "";
    for (const askedMbps of rateSteps) {
      try {
        let step = await this.#rate(ear, askedMbps, packetBytes);
        if (steps.length === 0 && lossOf(step) > 0) {
          step = together(step, await this.#rate(ear, askedMbps, packetBytes));
        } else if (isRise(steps, step)) {
          // One hiccup of one program is no property of the network.
          const again = await this.#rate(ear, askedMbps, packetBytes);
          if (lossOf(again) < lossOf(step)) step = again;
        }
        steps.push(step);
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
    this.#options.tell(judgeLoss(first));
    this.#options.tell(judgeRate(steps, this.#way.link.speedMbps, why));
  }

  async #rate(ear: Ear, askedMbps: number, packetBytes: number): Promise<RateStep> {
    const count = (): number => this.#options.network.counters(this.#way.link.name)?.overflows ?? 0;
    const before = count();
    const packets = Math.ceil((askedMbps * 1000 * stepMs) / 8 / packetBytes);
    const request = { packetBytes: [packetBytes], packets, rateMbps: askedMbps };
    const { burst, elapsedMs, sent } = await this.#examiner.burst(this.#facts.id, request);
    const heard = ear.of(burst);
    await settle(heard, sent, settling);
    return {
      askedMbps,
      sentMbps: (sent * packetBytes * 8) / 1000 / Math.max(elapsedMs, 1),
      sent,
      received: heard.received,
      duplicates: heard.duplicates,
      overflows: count() - before,
      receivedMbps: heard.rateMbps,
    };
  }

  #querier(ear: Ear): Promise<boolean | null> {
    const { link } = this.#way;
    return findQuerier({
      heard: () => this.#options.network.querierHeard(link.name, this.#facts.group),
      join: () => ear.join(link.address),
      leave: () => ear.leave(link.address),
    });
  }

  async #watch(ear: Ear): Promise<void> {
    const { signal, tell, watchSeconds } = this.#options;
    if (watchSeconds === null) return;
    const { address } = this.#way.link;
    const check = await watch(watchSeconds, {
      round: async () => {
        const request = { packetBytes: [presenceBytes], packets: 5, rateMbps: gentleMbps };
        const answer = await this.#examiner.burst(this.#facts.id, request);
        const heard = ear.of(answer.burst);
        await settle(heard, answer.sent, settling);
        return heard.received;
      },
      join: () => ear.join(address),
      leave: () => ear.leave(address),
      signal,
    });
    tell(check);
  }
}
