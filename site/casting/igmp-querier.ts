/**
 * An IGMP querier (RFC 2236, 3 to 8; RFC 3376, 6 and 8): asks all machines which groups they want, so that snooping
 * switches do not forget them, and after a group that one has left. The one with the lowest address on a network asks;
 * the others wait for it to fall silent. Messages and the time go in, messages come out.
 */
import { limits } from "../../contract/limits.ts";
import { addressNumber } from "../ipv4.ts";
import { allSystems, type IgmpQuery, type IgmpReport, type IgmpVersion, writeQuery } from "./igmp-message.ts";

export interface IgmpQuerierOptions {
  /** IPv4 address that is sent from. */
  address: string;
  version: IgmpVersion;
  /** Between two questions to all. */
  intervalMs: number;
  /** Machines spread their answers over so long; shorter than the interval. */
  responseMs: number;
  /** The same for a question after a group, and the time between two of them. */
  leaveResponseMs: number;
  /** How often what may be lost is said, 1 to 7. */
  robustness: number;
}

export interface IgmpOutgoing {
  to: string;
  message: Buffer;
}

/** What of it an administrator chooses. */
export interface QuerierWish {
  intervalMs: number;
  version: IgmpVersion;
}

/** RFC 3376, 8: 10 s, 1 s, twice. Shorter intervals have shorter answers. */
export function querierOptions(address: string, { intervalMs, version }: QuerierWish): IgmpQuerierOptions {
  const responseMs = Math.min(10_000, intervalMs / 2);
  return { address, version, intervalMs, responseMs, leaveResponseMs: 1000, robustness: 2 };
}

export class IgmpQuerier {
  readonly #options: IgmpQuerierOptions;
  readonly #leaving = new Map<string, { left: number; dueMs: number }>();
  #startup: number;
  #dueMs: number;
  #other: { address: string; untilMs: number } | null = null;
  #olderVersion = false;

  constructor(options: IgmpQuerierOptions, nowMs: number) {
    this.#options = options;
    this.#startup = options.robustness;
    this.#dueMs = nowMs;
  }

  /** Who asks in place of this one; null = this one does. */
  get other(): string | null {
    return this.#other?.address ?? null;
  }

  /** Whether someone asks here by an older version, which a network's queriers must not differ in. */
  get olderVersionHeard(): boolean {
    return this.#olderVersion;
  }

  hear(from: string, message: IgmpQuery | IgmpReport, nowMs: number): void {
    if (from === this.#options.address) return;
    if (message.kind === "query") this.#hearQuery(from, message, nowMs);
    else if (this.#other === null) this.#hearReport(message, nowMs);
  }

  /** What is to be sent by now. */
  take(nowMs: number): IgmpOutgoing[] {
    const { intervalMs, leaveResponseMs, responseMs } = this.#options;
    if (this.#other !== null) {
      if (nowMs < this.#other.untilMs) return [];
      this.#other = null;
      this.#dueMs = nowMs;
    }
    const out: IgmpOutgoing[] = [];
    if (nowMs >= this.#dueMs) {
      out.push({ to: allSystems, message: this.#query(null, responseMs) });
      if (this.#startup > 0) this.#startup -= 1;
      // A start is followed by some questions in quick succession; one that was late does not bring the next closer.
      this.#dueMs = nowMs + (this.#startup > 0 ? intervalMs / 4 : intervalMs);
    }
    for (const [group, leaving] of this.#leaving) {
      if (nowMs < leaving.dueMs) continue;
      out.push({ to: group, message: this.#query(group, leaveResponseMs) });
      leaving.left -= 1;
      leaving.dueMs = nowMs + leaveResponseMs;
      if (leaving.left === 0) this.#leaving.delete(group);
    }
    return out;
  }

  /** Switches ask from 0.0.0.0 where they only listen (RFC 4541, 2.1.1): that is no querier's address. */
  #hearQuery(from: string, query: IgmpQuery, nowMs: number): void {
    if (from === "0.0.0.0") return;
    if (query.version < this.#options.version) this.#olderVersion = true;
    if (addressNumber(from) > addressNumber(this.#options.address)) return;
    // Its figures count for the others, too, where it says them (RFC 3376, 4.1.6 and 4.1.7).
    const robustness = query.robustness || this.#options.robustness;
    const intervalMs = query.intervalMs || this.#options.intervalMs;
    // But not without bound, for 7 times 31,744 s: anyone can say them, and then fall silent.
    const ownMs = this.#options.robustness * this.#options.intervalMs;
    const theirsMs = Math.min(robustness * intervalMs, limits.igmpOtherTimesMost * ownMs);
    const untilMs = nowMs + theirsMs + this.#options.responseMs / 2;
    this.#other = { address: from, untilMs };
    this.#startup = 0;
    this.#leaving.clear();
  }

  /**
   * A switch that cuts a port off at once would cut off others behind it: so the question, and more than one of it. An
   * answer meanwhile does not end that: what listens for queriers counts on the second one.
   */
  #hearReport({ groups }: IgmpReport, nowMs: number): void {
    for (const { group, wanted } of groups) {
      if (wanted || this.#leaving.has(group) || !isAskedAfter(group)) continue;
      if (this.#leaving.size >= limits.igmpGroupsLeft) return;
      this.#leaving.set(group, { left: this.#options.robustness, dueMs: nowMs });
    }
  }

  #query(group: string | null, responseMs: number): Buffer {
    const { intervalMs, robustness, version } = this.#options;
    return writeQuery({ version, group, responseMs, suppress: false, robustness, intervalMs });
  }
}

/** Groups of 224.0.0.0/24 are never cut off, and what is no group is not asked after. */
function isAskedAfter(group: string): boolean {
  const number = addressNumber(group);
  return number > addressNumber("224.0.0.255") && number <= addressNumber("239.255.255.255");
}
