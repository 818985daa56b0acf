/** A session that is open: its caster, who takes part, and what it has sent. */
import type { DeploymentRecord, ImageRecord, SessionRecord } from "../../contract/administration.ts";
import type { JoinAnswer } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { Progress, ProgressAnswer } from "../../contract/report.ts";
import type { Caster, CasterStatistics } from "../../native/index.ts";
import { downloadsId, type StoredSession } from "../store/sessions.ts";
import { isMulticastOnly } from "./session-opener.ts";
import { SlowClientRule, type Move } from "./slow-clients.ts";
import type { StreamClient } from "./stream-rule.ts";

type Place = SessionRecord["moved"][number]["to"];

export class LiveSession {
  readonly stored: StoredSession;
  readonly imageName: string;
  readonly root: string;
  readonly caster: Caster;
  /** Whether each machine that joined has ended its work. */
  readonly machines = new Map<string, { finished: boolean }>();
  /** Which machine has which receiver number. */
  readonly receivers = new Map<number, string>();
  /** Where the deployment's rule moves machines to. */
  readonly movesTo: "unicast" | "out" | "stream";
  /** By machine: why it was moved, to unicast, out, or into this stream. */
  readonly #moved = new Map<string, string>();
  /** Machines that are to end. */
  readonly #out = new Set<string>();
  /** Machines that are to join another stream, and why. */
  readonly #left = new Map<string, string>();
  /** Machines whose sender repairs for them no more, since they asked for too much. */
  #overBudget = new Set<string>();
  readonly #slowClients: SlowClientRule;
  readonly #clients = new Map<string, StreamClient>();
  lastActivityMs: number;
  /** Since when all machines are done; null while one works. */
  doneSinceMs: number | null = null;
  #statistics: CasterStatistics;
  #measuredMs: number;
  #rateBytesPerSecond = 0;

  constructor(options: {
    stored: StoredSession;
    image: Pick<ImageRecord, "name" | "root" | "multicast">;
    caster: Caster;
    deployment: Pick<DeploymentRecord, "slowClients" | "multicastOnly">;
  }) {
    const { caster, deployment, image, stored } = options;
    this.stored = stored;
    const alone = isMulticastOnly(deployment, image) ? "out" : "unicast";
    this.movesTo = deployment.slowClients.policy === "multistream" ? "stream" : alone;
    this.#slowClients = new SlowClientRule(deployment.slowClients);
    this.imageName = image.name;
    this.root = image.root;
    this.caster = caster;
    this.lastActivityMs = Date.now();
    this.#statistics = caster.statistics();
    this.#measuredMs = Date.now();
  }

  /** Reads the caster's counters. Call it about once a second: rates are over the time between two calls. */
  measure(nowMs: number): void {
    const statistics = this.caster.statistics();
    const seconds = (nowMs - this.#measuredMs) / 1000;
    if (seconds <= 0) return;
    const sent = statistics.multicastBytes + statistics.unicastBytes;
    const before = this.#statistics.multicastBytes + this.#statistics.unicastBytes;
    this.#rateBytesPerSecond = (sent - before) / seconds;
    this.#statistics = statistics;
    this.#measuredMs = nowMs;
  }

  /** A machine takes part as this receiver from now on; one that was moved to unicast stays so. */
  addReceiver(receiver: number, machineId: string): void {
    this.receivers.set(receiver, machineId);
    this.#left.delete(machineId);
    if (this.movesTo === "out") {
      this.#moved.delete(machineId);
      this.#slowClients.forget(machineId);
    } else if (this.movesTo === "unicast" && this.#moved.has(machineId)) {
      this.caster.setMoved(receiver, true);
    }
  }

  /** Why the machine was moved to where it is; empty: it was not. */
  movedBecause(machineId: string): string {
    return this.movesTo === "out" ? "" : (this.#moved.get(machineId) ?? "");
  }

  /** Throws E_TOO_SLOW for a machine that is to end, until `finish` says that it has. */
  checkNotOut(machineId: string): void {
    if (!this.#out.has(machineId)) return;
    throw new VolleyError("E_TOO_SLOW", `${this.#moved.get(machineId) ?? ""}.`);
  }

  /** The machine ended its work; it may begin again. */
  finish(machineId: string): void {
    this.#out.delete(machineId);
    this.#countAsFinished(machineId);
  }

  #countAsFinished(machineId: string): void {
    const machine = this.machines.get(machineId);
    if (machine) machine.finished = true;
  }

  /** What the machine is to do, and why. Throws E_TOO_SLOW when it is out. */
  progress(machineId: string, progress: Progress): ProgressAnswer {
    const left = this.#left.get(machineId);
    if (left !== undefined) return { next: "rejoin", moved: left };
    this.lastActivityMs = Date.now();
    this.checkNotOut(machineId);
    this.#clients.set(machineId, {
      machineId,
      verifiedBytes: progress.bytesVerified,
      multicastBytes: progress.multicastBytes,
      unicastBytes: progress.unicastBytes,
      receiving: progress.phase === "receiving",
      heldBackBy: progress.bottleneck,
      toldMs: Date.now(),
    });
    return { next: "go-on", moved: this.movesTo === "unicast" ? this.movedBecause(machineId) : "" };
  }

  /** Image data that was sent by multicast since this sender began, as `measure` saw it last. */
  get sentBytes(): number {
    return this.#statistics.multicastBytes;
  }

  /** What a machine that takes part has to know, its key among it. */
  forMachines(): JoinAnswer["session"] {
    const { encrypted, group, id, mtu, number, port, sessionKey: key, stream } = this.stored;
    return { id, number, stream, key, group, port, mtu, encrypted };
  }

  /** What each machine told last. */
  clients(): StreamClient[] {
    return [...this.#clients.values()];
  }

  /** Moves the machines that are too slow by the deployment's threshold, and answers which. Call it after `measure`. */
  moveSlow(nowMs: number): Move[] {
    const moves = this.#slowClients.look(nowMs, this.sentBytes, this.clients());
    for (const move of moves) this.move(move);
    return moves;
  }

  /** The machines that lack more than repair allows since the last call. Call it after `measure`. */
  newlyOverBudget(): Move[] {
    const before = this.#overBudget;
    this.#overBudget = new Set(
      this.#statistics.overBudget.flatMap((receiver) => this.receivers.get(receiver) ?? []),
    );
    return this.#budgetMoves().filter(({ machineId }) => !before.has(machineId));
  }

  #budgetMoves(): Move[] {
    const reason = "It lacked more than repair allows";
    return [...this.#overBudget].map((machineId) => ({ machineId, reason }));
  }

  /** Where the sender leaves machines for which it does not repair. */
  get overBudgetTo(): "unicast" | "behind" {
    return this.caster.ports.unicast === 0 ? "behind" : "unicast";
  }

  /** The machine is moved to unicast or out, so that the others do not repair for it; or it came into this stream. */
  move({ machineId, reason }: Move): void {
    this.#moved.set(machineId, reason);
    if (this.movesTo === "stream") return;
    this.#slowClients.keepMoved(machineId);
    for (const [receiver, machine] of this.receivers) {
      if (machine === machineId) this.caster.setMoved(receiver, true);
    }
    if (this.movesTo === "unicast") return;
    this.#out.add(machineId);
    this.#countAsFinished(machineId);
  }

  /** The machine is to join another stream: it counts no more. */
  leave({ machineId, reason }: Move): void {
    this.#left.set(machineId, reason);
    this.#moved.delete(machineId);
    this.#clients.delete(machineId);
    this.machines.delete(machineId);
  }

  noteMachines(nowMs: number): void {
    const states = [...this.machines.values()];
    const done = this.receivers.size > 0 && states.every((state) => state.finished);
    if (!done) this.doneSinceMs = null;
    else this.doneSinceMs ??= nowMs;
  }

  totals(): { multicastBytes: number; unicastBytes: number; parityPart: number } {
    const { multicastBytes, unicastBytes, paritySymbols, sourceSymbols } = this.#statistics;
    return {
      multicastBytes: this.stored.multicastBytes + multicastBytes,
      unicastBytes: this.stored.unicastBytes + unicastBytes,
      parityPart: sourceSymbols + paritySymbols === 0 ? 0 : paritySymbols / (sourceSymbols + paritySymbols),
    };
  }

  #limit(): Pick<SessionRecord, "limit" | "limitingMachineId"> {
    const { limit, limitingReceiver } = this.#statistics;
    if (limit === "sender") return { limit: "site", limitingMachineId: null };
    if (limit !== "receiver") return { limit, limitingMachineId: null };
    return { limit: "machine", limitingMachineId: this.receivers.get(limitingReceiver) ?? null };
  }

  record(): SessionRecord {
    const movedTo = (to: Place) => (move: Move) => ({ ...move, to });
    const byRule = [...this.#moved].map(([machineId, reason]) => ({ machineId, reason }));
    return {
      ...describe(this.stored, { name: this.imageName, root: this.root }),
      state: this.#statistics.idle ? "idle" : "casting",
      machines: this.machines.size,
      rateBytesPerSecond: Math.round(this.#rateBytesPerSecond),
      ...this.#limit(),
      moved: [...byRule.map(movedTo(this.movesTo)), ...this.#budgetMoves().map(movedTo(this.overBudgetTo))],
      ...this.totals(),
      end: null,
    };
  }
}

type Described = Pick<
  SessionRecord,
  "id" | "deploymentId" | "imageName" | "stream" | "encrypted" | "group" | "port" | "start" | "root"
>;

/** What of a session does not change while it is open. */
export function describe(stored: StoredSession, image: { name: string; root: string }): Described {
  return {
    id: stored.id,
    deploymentId: stored.deploymentId === downloadsId ? null : stored.deploymentId,
    imageName: image.name,
    stream: stored.stream,
    encrypted: stored.encrypted,
    group: stored.group,
    port: stored.port,
    start: stored.start,
    root: image.root,
  };
}
