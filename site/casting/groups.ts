/**
 * The multicast groups and data ports of this site: none is given out twice, and none that someone else on the network
 * was heard to use. Finding that out takes limits.groupAskMs, so one is looked for ahead of who will want it.
 */
import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import { addressNumber } from "../ipv4.ts";
import { Turns } from "../turns.ts";
import { chooseGroup, choosePort, type GroupRange, type PortRange } from "./addresses.ts";
import { GroupClaim, isFree, siteIdBytes, type ClaimOptions } from "./group-claim.ts";

export interface GroupAndPort {
  group: string;
  /** UDP port of the session's data. */
  port: number;
}

/** Hears packets of any kind to some groups, and to others that a card cannot tell from them. */
export interface GroupEar {
  /** The groups of those it was opened for that something was heard in so far. */
  heard(): string[];
  close(): void;
}

/** What more can be known about groups where this program has the rights. */
export interface GroupWatch {
  /** Groups that machines of the network said they want, lately. */
  wanted(): string[];
  /** Null where the system does not permit it. */
  listen(groups: string[]): GroupEar | null;
  /** This site's own session in it is over. */
  forget(group: string): void;
}

export interface GroupsOptions {
  /** Both read with each group that is looked for, as they may be changed. */
  readonly groups: GroupRange;
  readonly ports: PortRange;
  /** IPv4 address that is sent from. */
  interfaceAddress: string;
  timeToLive: number;
  watch: GroupWatch | null;
  log: Log;
}

export class Groups {
  readonly #options: GroupsOptions;
  readonly #siteId = randomBytes(siteIdBytes);
  readonly #turns = new Turns();
  /** What is given out; null where the network could not be asked about it. */
  readonly #given = new Map<string, { port: number; claim: GroupClaim | null }>();
  #spare: GroupClaim | null = null;
  #ahead = false;
  #closed = false;
  #warned = false;
  /** Until then it is not asked again, since every group was said to be used. */
  #crowdedUntilMs = -Infinity;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** From now on the next group is looked for before it is wanted. Resolves when the first was. */
  lookAhead(): Promise<void> {
    this.#ahead = true;
    return this.#turns.take(() => this.#findSpare());
  }

  /** Rejects with E_CONFLICT when the ranges are used up, but not for what others merely say of a larger range. */
  take(): Promise<GroupAndPort> {
    return this.#turns.take(async () => {
      const spare = this.#spare;
      this.#spare = null;
      let found: GroupAndPort | GroupClaim;
      if (spare !== null && spare.usedBy === "" && this.#isInRange(spare)) found = spare;
      else {
        spare?.close();
        found = await this.#find();
      }
      const { group, port } = found;
      this.#give(found, found instanceof GroupClaim ? found : null);
      if (this.#ahead) void this.#turns.take(() => this.#findSpare());
      return { group, port };
    });
  }

  /** What a session of this site had before it restarted is still its own. */
  resume({ group, port }: GroupAndPort): Promise<void> {
    return this.#turns.take(async () => {
      try {
        this.#give({ group, port }, await GroupClaim.resume(this.#claimOptions({ group, port })));
      } catch (error) {
        this.#give({ group, port }, null);
        this.#warn(error);
      }
    });
  }

  release(group: string): void {
    this.#given.get(group)?.claim?.close();
    this.#given.delete(group);
    this.#options.watch?.forget(group);
  }

  close(): void {
    this.#closed = true;
    for (const group of this.#given.keys()) this.release(group);
    this.#spare?.close();
    this.#spare = null;
  }

  #give({ group, port }: GroupAndPort, claim: GroupClaim | null): void {
    if (this.#closed) claim?.close();
    else this.#given.set(group, { port, claim });
  }

  async #findSpare(): Promise<void> {
    if (this.#closed || this.#spare !== null || this.#crowded) return;
    try {
      const found = await this.#find();
      // What is said to be used may be free when it is wanted.
      if (this.#crowded) {
        if (found instanceof GroupClaim) found.close();
      } else if (found instanceof GroupClaim) this.#spare = found;
      if (this.#closed) this.close();
    } catch (error) {
      this.#options.log.info(`no multicast group is left to look at ahead: ${toVolleyError(error).detail}`);
    }
  }

  get #crowded(): boolean {
    return performance.now() < this.#crowdedUntilMs;
  }

  /**
   * Asks about several at once, since another round costs time, and answers the first that nobody uses; after the
   * last round any. One host that says it has every group would else keep the site from casting at all; sharing a
   * group costs bandwidth, and the session's key keeps its data apart.
   */
  async #find(): Promise<GroupAndPort | GroupClaim> {
    if (this.#crowded) return this.#unasked();
    const passedOver: GroupClaim[] = [];
    for (let round = 0; round < limits.groupRounds; round += 1) {
      const claims = await this.#candidates(limits.groupsAskedFirst << round, passedOver);
      if (!Array.isArray(claims)) return claims;
      if (claims.length === 0) {
        throw new VolleyError(
          "E_CONFLICT",
          `No multicast group is free here: ${said(passedOver).join(", ")}.`,
        );
      }
      const ear = this.#options.watch?.listen(claims.map(({ group }) => group)) ?? null;
      await this.#ask(claims);
      const heard = this.#heard(ear);
      for (const claim of claims) if (heard.includes(claim.group)) claim.usedBy ||= "someone sends to it";
      const free = claims.find((claim) => claim.usedBy === "");
      for (const claim of claims) if (claim !== free) claim.close();
      if (free) {
        free.keep();
        return free;
      }
      passedOver.push(...claims);
    }
    this.#crowdedUntilMs = performance.now() + limits.groupCrowdedMs;
    const some = said(passedOver).slice(0, groupsNamed).join(", ");
    this.#options.log.warn(
      `each of the ${passedOver.length} multicast groups that were asked about is said to be used: ${some}, ...; ` +
        "sessions take groups all the same, which costs bandwidth if that is true",
    );
    return this.#unasked();
  }

  async #unasked(): Promise<GroupAndPort | GroupClaim> {
    const claims = await this.#candidates(1, []);
    if (!Array.isArray(claims)) return claims;
    const [claim] = claims;
    if (claim === undefined) throw new VolleyError("E_INTERNAL", "No candidate, and no reason why.");
    claim.keep();
    return claim;
  }

  #heard(ear: GroupEar | null): string[] {
    try {
      return ear?.heard() ?? [];
    } catch (error) {
      this.#warn(error);
      return [];
    } finally {
      ear?.close();
    }
  }

  async #ask(claims: GroupClaim[]): Promise<void> {
    for (let time = 0; time < limits.groupQuestions; time += 1) {
      for (const claim of claims) claim.ask();
      await sleep(limits.groupAskMs / limits.groupQuestions);
    }
    // A process that was held up reads what has arrived meanwhile before it judges.
    await nextTurn();
  }

  /** Some to ask about; one that is taken unasked where the network cannot be asked. */
  async #candidates(count: number, passedOver: GroupClaim[]): Promise<GroupClaim[] | GroupAndPort> {
    const claims: GroupClaim[] = [];
    const busyPorts: number[] = [];
    while (claims.length < count) {
      let candidate: GroupAndPort;
      try {
        candidate = this.#choose([...passedOver, ...claims], busyPorts);
      } catch (error) {
        if (claims.length > 0 || passedOver.length > 0) return claims;
        throw error;
      }
      if (!(await isFree(candidate.port, this.#options.interfaceAddress))) {
        busyPorts.push(candidate.port);
        continue;
      }
      try {
        claims.push(await GroupClaim.open(this.#claimOptions(candidate)));
      } catch (error) {
        for (const claim of claims) claim.close();
        this.#warn(error);
        return candidate;
      }
    }
    return claims;
  }

  #choose(others: GroupAndPort[], busyPorts: number[]): GroupAndPort {
    const { groups, ports, watch } = this.#options;
    const spare = this.#spare === null ? [] : [this.#spare];
    const given = [...this.#given].map(([group, { port }]) => ({ group, port }));
    const taken = [...given, ...spare, ...others];
    const takenGroups = taken.map(({ group }) => group);
    const takenPorts = [...taken.map(({ port }) => port), ...busyPorts, this.#claimsPort];
    // What is asked about is wanted by whoever asks: machines' wishes are looked at before, and not after.
    const group = chooseGroup(groups, [...takenGroups, ...(watch?.wanted() ?? [])]);
    return { group, port: choosePort(ports, takenPorts) };
  }

  #isInRange({ group, port }: GroupAndPort): boolean {
    const { groups, ports } = this.#options;
    const place = addressNumber(group) - groups.first;
    return place >= 0 && place < groups.count && port >= ports.first && port < ports.first + ports.count;
  }

  get #claimsPort(): number {
    return this.#options.ports.first;
  }

  #claimOptions({ group, port }: GroupAndPort): ClaimOptions {
    const { interfaceAddress, timeToLive } = this.#options;
    return { group, port, claimsPort: this.#claimsPort, interfaceAddress, timeToLive, siteId: this.#siteId };
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const why = toVolleyError(error).detail;
    this.#options.log.warn(`whether others use this site's multicast groups cannot be found out: ${why}`);
  }
}

/** Groups of which the log says what was heard. */
const groupsNamed = 4;

function said(claims: readonly GroupClaim[]): string[] {
  return claims.map(({ group, port, usedBy }) => `${group}:${port} (${usedBy})`);
}
