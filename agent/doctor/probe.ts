/** Single measurements of an examination: what is sent on request, and what of it is heard where. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BurstAnswer, BurstRequest, EchoCounts, Examination } from "../../contract/doctor.ts";
import { limits } from "../../contract/limits.ts";
import type { LinkFacts, MachineNetwork } from "../platform/machine-network.ts";
import { Ear, type Heard, settle } from "./ear.ts";
import { findQuerier } from "./querier.ts";
import { type RateStep, stepMs } from "./rates.ts";

/** What the doctor asks of the site; all throw VolleyErrors. */
export interface Examiner {
  open(): Promise<Examination>;
  burst(id: string, request: BurstRequest): Promise<BurstAnswer>;
  counts(id: string): Promise<EchoCounts>;
  close(id: string): Promise<void>;
}

export interface ProbeOptions {
  examiner: Examiner;
  facts: Examination;
  /** Where it listens. */
  link: LinkFacts;
  siteAddress: string;
  network: MachineNetwork;
  signal: AbortSignal;
}

/** What reached the card while something was measured. */
export interface Counted<Result> {
  result: Result;
  /** Whether most of so many packets did; null when the system does not count. */
  reachedCard(packets: number): boolean | null;
  /** Whether many were dropped because their sender is reached by another card. */
  wrongWay: boolean;
}

/** Gentle enough for many machines at once. */
const gentleMbps = 5;
const presence = { packetBytes: [200], packets: 200, rateMbps: gentleMbps };
const fewPackets = 5;
/** So many are taken for no chance. */
const wrongWayLeast = presence.packets / 4;
const questionGapMs = 2;
const settling = { quietMs: 200, mostMs: 700 };
/** A site with much to do answers late, which is no loss. */
const answersSettling = { quietMs: 700, mostMs: 2500 };
/** Switches and their queriers take a moment to let a new member hear. */
const joinMs = 250;
const otherCardsMost = 4;

export class Probe {
  readonly #options: ProbeOptions;
  readonly #ear: Ear;
  /** What reaches the card anyhow, in packets per millisecond. */
  #quiet = 0;

  private constructor(options: ProbeOptions, ear: Ear) {
    this.#options = options;
    this.#ear = ear;
  }

  /** In the group from here on. Throws E_SOCKET, E_GROUP_JOIN. */
  static async open(options: ProbeOptions): Promise<Probe> {
    const probe = new Probe(options, await Ear.open(options.facts));
    try {
      probe.join();
      await probe.#listenToNothing();
      return probe;
    } catch (error) {
      probe.close();
      throw error;
    }
  }

  join(): void {
    this.#ear.join(this.#options.link.address);
  }
  leave(): void {
    this.#ear.leave(this.#options.link.address);
  }
  close(): void {
    this.#ear.close();
  }

  async counting<Result>(work: () => Promise<Result>): Promise<Counted<Result>> {
    const before = this.#counters();
    const startedMs = performance.now();
    const result = await work();
    const after = this.#counters();
    const anyhow = this.#quiet * (performance.now() - startedMs);
    const own = (after?.packets ?? 0) - (before?.packets ?? 0) - anyhow;
    return {
      result,
      reachedCard: (packets) => (before === null || after === null ? null : own > packets / 2),
      wrongWay: (after?.wrongWay ?? 0) - (before?.wrongWay ?? 0) > wrongWayLeast,
    };
  }

  /** Asks the site by UDP, half with small packets, half with packets of so many bytes. Answers what came back. */
  async ask(questions: number, largeBytes: number): Promise<{ counts: EchoCounts; echoes: Heard }> {
    const { examiner, facts, siteAddress } = this.#options;
    const { echoes } = this.#ear;
    for (let number = 0; number < questions; number += 1) {
      const packetBytes = number % 2 === 0 ? limits.doctorPacketBytesLeast : largeBytes;
      const echoAddress = facts.echoAddress ?? siteAddress;
      await this.#ear.ask({ burst: 0, number, packetBytes }, echoAddress, facts.echoPort);
      await sleep(questionGapMs);
    }
    await settle(echoes, questions, answersSettling);
    return { counts: await examiner.counts(facts.id), echoes };
  }

  /** Enough to tell loss from silence. */
  presence(): Promise<{ answer: BurstAnswer; heard: Heard }> {
    return this.#burst(presence);
  }

  /** Just enough to know that multicast is there; how many arrived. */
  async few(): Promise<number> {
    return (await this.#burst({ ...presence, packets: fewPackets })).heard.received;
  }

  /** So many of each size. */
  async sizes(packetBytes: number[], rounds: number): Promise<{ heard: Heard; reassembled: number | null }> {
    const before = this.#counters();
    const packets = packetBytes.length * rounds;
    const { heard } = await this.#burst({ packetBytes, packets, rateMbps: gentleMbps });
    const after = this.#counters();
    return {
      heard,
      reassembled: before === null || after === null ? null : after.reassembled - before.reassembled,
    };
  }

  /** Throws E_DOCTOR_BUSY. */
  async rate(askedMbps: number, packetBytes: number): Promise<RateStep> {
    const before = this.#counters();
    const wanted = Math.ceil((askedMbps * 1000 * stepMs(askedMbps)) / 8 / packetBytes);
    const packets = Math.min(wanted, limits.doctorBurstPackets);
    const request = { packetBytes: [packetBytes], packets, rateMbps: askedMbps };
    const { answer, heard } = await this.#burst(request);
    return {
      askedMbps,
      sentMbps: (answer.sent * packetBytes * 8) / 1000 / Math.max(answer.elapsedMs, 1),
      sent: answer.sent,
      received: heard.received,
      duplicates: heard.duplicates,
      overflows: (this.#counters()?.overflows ?? 0) - (before?.overflows ?? 0),
      receivedMbps: heard.rateMbps,
    };
  }

  /** Another card on which multicast is heard. */
  async elsewhere(): Promise<LinkFacts | null> {
    const { link, network, signal } = this.#options;
    const others = network.links().filter((other) => !other.loopback && other.name !== link.name);
    this.leave();
    try {
      for (const other of others.slice(0, otherCardsMost)) {
        this.#ear.join(other.address);
        await sleep(joinMs, undefined, { signal });
        const { heard } = await this.presence();
        this.#ear.leave(other.address);
        if (heard.received > 0) return other;
      }
      return null;
    } finally {
      this.join();
    }
  }

  querier(): Promise<boolean | null> {
    const { facts, link, network } = this.#options;
    return findQuerier({
      heard: () => network.querierHeard(link.name, facts.group),
      join: () => this.join(),
      leave: () => this.leave(),
    });
  }

  async #burst(request: BurstRequest): Promise<{ answer: BurstAnswer; heard: Heard }> {
    const answer = await this.#options.examiner.burst(this.#options.facts.id, request);
    const heard = this.#ear.of(answer.burst);
    await settle(heard, answer.sent, settling);
    return { answer, heard };
  }

  async #listenToNothing(): Promise<void> {
    const before = this.#counters();
    const startedMs = performance.now();
    await sleep(joinMs, undefined, { signal: this.#options.signal });
    const packets = (this.#counters()?.packets ?? 0) - (before?.packets ?? 0);
    this.#quiet = packets / (performance.now() - startedMs);
  }

  #counters() {
    return this.#options.network.counters(this.#options.link.name);
  }
}
