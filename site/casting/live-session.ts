/** A session that is open: its caster, who takes part, and what it has sent. */
import type { DeploymentRecord, SessionRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { Progress } from "../../contract/report.ts";
import type { Caster, CasterStatistics } from "../../native/index.ts";
import type { StoredSession } from "../store/sessions.ts";
import { SlowClientRule, type ClientFigures, type Move } from "./slow-clients.ts";

export class LiveSession {
  readonly stored: StoredSession;
  readonly imageName: string;
  readonly root: string;
  readonly caster: Caster;
  /** Whether each machine that joined has ended its work. */
  readonly machines = new Map<string, { finished: boolean }>();
  /** Which machine has which receiver number. */
  readonly receivers = new Map<number, string>();
  /** Nothing goes by unicast: who is moved is out. */
  readonly multicastOnly: boolean;
  /** By machine: why the rule for slow ones has moved it. */
  readonly #moved = new Map<string, string>();
  /** Machines that are to end. */
  readonly #out = new Set<string>();
  readonly #slowClients: SlowClientRule;
  readonly #clients = new Map<string, ClientFigures>();
  lastActivityMs: number;
  /** Since when all machines are done; null while one works. */
  doneSinceMs: number | null = null;
  #statistics: CasterStatistics;
  #measuredMs: number;
  #rateBytesPerSecond = 0;

  constructor(options: {
    stored: StoredSession;
    image: { name: string; root: string };
    caster: Caster;
    deployment: Pick<DeploymentRecord, "slowClients" | "multicastOnly">;
  }) {
    const { caster, deployment, image, stored } = options;
    this.stored = stored;
    this.multicastOnly = deployment.multicastOnly;
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
    if (this.multicastOnly) {
      this.#moved.delete(machineId);
      this.#slowClients.forget(machineId);
    } else if (this.#moved.has(machineId)) {
      this.caster.setMoved(receiver, true);
    }
  }

  /** Why the machine was moved; empty: it was not. */
  movedBecause(machineId: string): string {
    return this.#moved.get(machineId) ?? "";
  }

  /** Throws E_TOO_SLOW for a machine that is to end, until `finish` says that it has. */
  checkNotOut(machineId: string): void {
    if (this.#out.has(machineId)) throw new VolleyError("E_TOO_SLOW", `${this.movedBecause(machineId)}.`);
  }

  /** The machine ended its work; it may begin again. */
  finish(machineId: string): void {
    this.#out.delete(machineId);
    const machine = this.machines.get(machineId);
    if (machine) machine.finished = true;
  }

  noteProgress(machineId: string, { bytesVerified, phase }: Progress): void {
    this.#clients.set(machineId, {
      machineId,
      verifiedBytes: bytesVerified,
      receiving: phase === "receiving",
    });
  }

  /** Moves the machines that are too slow by the deployment's rule, and answers which. Call it after `measure`. */
  moveSlow(nowMs: number): Move[] {
    const moves = this.#slowClients.look(nowMs, this.#statistics.multicastBytes, [...this.#clients.values()]);
    for (const move of moves) this.move(move);
    return moves;
  }

  /** From now on the others do not repair for the machine. */
  move({ machineId, reason }: Move): void {
    this.#moved.set(machineId, reason);
    this.#slowClients.keepMoved(machineId);
    for (const [receiver, machine] of this.receivers) {
      if (machine === machineId) this.caster.setMoved(receiver, true);
    }
    if (!this.multicastOnly) return;
    this.#out.add(machineId);
    const machine = this.machines.get(machineId);
    if (machine) machine.finished = true;
  }

  noteMachines(nowMs: number): void {
    const states = [...this.machines.values()];
    const done = states.length > 0 && states.every((state) => state.finished);
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
    const to = this.multicastOnly ? "out" : "unicast";
    return {
      ...describe(this.stored, { name: this.imageName, root: this.root }),
      state: this.#statistics.idle ? "idle" : "casting",
      machines: this.machines.size,
      rateBytesPerSecond: Math.round(this.#rateBytesPerSecond),
      ...this.#limit(),
      moved: [...this.#moved].map(([machineId, reason]) => ({ machineId, reason, to })),
      ...this.totals(),
    };
  }
}

type Described = Pick<
  SessionRecord,
  "id" | "deploymentId" | "imageName" | "group" | "port" | "start" | "root"
>;

/** What of a session does not change while it is open. */
export function describe(stored: StoredSession, image: { name: string; root: string }): Described {
  return {
    id: stored.id,
    deploymentId: stored.deploymentId,
    imageName: image.name,
    group: stored.group,
    port: stored.port,
    start: stored.start,
    root: image.root,
  };
}
