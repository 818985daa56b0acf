/** IGMP on the site's card: which groups machines want, and, if that is wished, the querier that asks them. */
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { GroupEarOptions, IgmpArrival, IgmpSocket } from "../../native/index.ts";
import { ownAddresses } from "../addresses.ts";
import type { Log } from "../log.ts";
import type { GroupEar, GroupWatch } from "./groups.ts";
import { readIgmp, type IgmpReport } from "./igmp-message.ts";
import { IgmpQuerier, querierOptions, type QuerierWish } from "./igmp-querier.ts";

/** What of the addon is used here. */
export interface IgmpDoor {
  openIgmpSocket(options: { interfaceAddress: string }): IgmpSocket;
  openGroupEar(options: GroupEarOptions): GroupEar;
}
export interface IgmpWatchOptions {
  native: IgmpDoor;
  interfaceAddress: string;
  /** UDP port that sites ask each other at, about which nothing is to be told. */
  readonly claimsPort: number;
  /** Null = machines are listened to, not asked. */
  querier: QuerierWish | null;
  log: Log;
}

/** Null where the system does not permit it and nobody is to be asked. Throws E_RAW_SOCKET, E_SOCKET. */
export function openIgmpWatch(options: IgmpWatchOptions): (GroupWatch & { close(): void }) | null {
  try {
    return new IgmpWatch(options);
  } catch (error) {
    if (options.querier !== null) throw error;
    options.log.info(`multicast groups are looked into without IGMP: ${toVolleyError(error).detail}`);
    return null;
  }
}

class IgmpWatch implements GroupWatch {
  readonly #options: IgmpWatchOptions;
  readonly #socket: IgmpSocket;
  readonly #querier: IgmpQuerier | null;
  /** Until when a group counts as wanted. */
  readonly #wanted = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #failing = false;
  #olderTold = false;

  constructor(options: IgmpWatchOptions) {
    const { interfaceAddress, log, native, querier } = options;
    this.#options = options;
    this.#socket = native.openIgmpSocket({ interfaceAddress });
    const asking = querier === null ? null : querierOptions(interfaceAddress, querier);
    this.#querier = asking === null ? null : new IgmpQuerier(asking, performance.now());
    this.#timer = setInterval(() => this.#look(), limits.igmpLookMs);
    if (querier) {
      const every = `every ${querier.intervalMs / 1000} s`;
      log.info(`IGMP querier on ${interfaceAddress}: asks with version ${querier.version}, ${every}`);
    }
  }

  wanted(): string[] {
    const nowMs = performance.now();
    for (const [group, untilMs] of this.#wanted) if (untilMs < nowMs) this.#wanted.delete(group);
    return [...this.#wanted.keys()];
  }

  /** What a session of this site leaves behind are machines that have not left yet. */
  forget(group: string): void {
    this.#wanted.delete(group);
  }

  listen(groups: string[]): GroupEar | null {
    const { claimsPort, interfaceAddress, log, native } = this.#options;
    try {
      return native.openGroupEar({ interfaceAddress, groups, ignoredPort: claimsPort });
    } catch (error) {
      log.warn(`traffic to multicast groups cannot be looked for: ${toVolleyError(error).detail}`);
      return null;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #look(): void {
    const nowMs = performance.now();
    const before = this.#querier?.other;
    try {
      this.#hear(this.#socket.receive(), nowMs);
      for (const { message, to } of this.#querier?.take(nowMs) ?? []) this.#socket.send(to, message);
      this.#failing = false;
    } catch (error) {
      // The card may come back.
      if (!this.#failing) this.#options.log.error(`IGMP: ${toVolleyError(error).detail}`);
      this.#failing = true;
    }
    this.#tell(before);
  }

  /**
   * What this computer wants is what the site itself joins. A system may say it from another of its addresses, or from
   * none: as switches do that speak for their machines, which have no other way to say that the last one left.
   */
  #hear(arrivals: IgmpArrival[], nowMs: number): void {
    if (arrivals.length === 0) return;
    const own = new Set([...ownAddresses(), this.#options.interfaceAddress]);
    for (const { from, message } of arrivals) {
      const read = readIgmp(message);
      if (read === null || (read.kind === "report" && own.has(from))) continue;
      if (read.kind === "report" && from !== "0.0.0.0") this.#note(read, nowMs);
      this.#querier?.hear(from, read, nowMs);
    }
  }

  #tell(before: string | null | undefined): void {
    const { interfaceAddress, log } = this.#options;
    const now = this.#querier?.other;
    if (now !== before) {
      const who = now ?? `${interfaceAddress} (this site)`;
      log.info(`IGMP querier: ${who} asks from now on`);
    }
    if (this.#querier?.olderVersionHeard === true && !this.#olderTold) {
      this.#olderTold = true;
      log.warn(
        "IGMP querier: another one here asks with an older version; start the site with --igmp-version 2",
      );
    }
  }

  #note({ groups }: IgmpReport, nowMs: number): void {
    for (const { group, wanted } of groups) {
      if (!wanted) this.#wanted.delete(group);
      else if (this.#wanted.has(group) || this.#wanted.size < limits.igmpGroupsWanted) {
        this.#wanted.set(group, nowMs + limits.igmpWantedMs);
      }
    }
  }
}
