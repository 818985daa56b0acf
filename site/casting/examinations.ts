/**
 * Examinations that machines ask for (contract/doctor.ts). What they may send is bounded for each and for the site as
 * a whole, so that no number of machines, and no machine that lies, can flood a network by them.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { SessionRecord } from "../../contract/administration.ts";
import type { BurstAnswer, BurstRequest, EchoCounts, Examination } from "../../contract/doctor.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import { Turns } from "../turns.ts";
import { choosePort, type PortRange } from "./addresses.ts";
import { Allowance } from "./allowance.ts";
import { OpenExamination } from "./examination.ts";
import type { GroupAndPort } from "./groups.ts";

export interface ExaminationsOptions {
  /** IPv4 address that is sent from. */
  interfaceAddress: string;
  groups: { take(): Promise<GroupAndPort>; release(group: string): void };
  /** Read with each examination, as they may be changed. */
  readonly ports: PortRange;
  mtu: number;
  timeToLive: number;
  /** Those of the director, whose ports are left alone. */
  sessions(): SessionRecord[];
  log: Log;
}

const checkIntervalMs = 1000;
const portTries = 16;

export class Examinations {
  readonly #options: ExaminationsOptions;
  readonly #open = new Map<string, OpenExamination>();
  readonly #opening = new Turns();
  /** Machines that wait for their turn to open one. */
  readonly #pending = new Set<string>();
  readonly #fast = new Turns();
  readonly #allowance = new Allowance(Date.now());
  readonly #timer: NodeJS.Timeout;

  constructor(options: ExaminationsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(Date.now()), checkIntervalMs);
    this.#timer.unref();
  }

  /** In place of the machine's last one. Throws E_DOCTOR_BUSY, E_CONFLICT, E_SOCKET. */
  async open(machineId: string): Promise<Examination> {
    if (this.#pending.has(machineId)) {
      throw new VolleyError("E_DOCTOR_BUSY", "An examination of this machine is being opened.");
    }
    this.#pending.add(machineId);
    try {
      return await this.#opening.take(() => this.#openNow(machineId));
    } finally {
      this.#pending.delete(machineId);
    }
  }

  async #openNow(machineId: string): Promise<Examination> {
    const last = [...this.#open.values()].find((one) => one.machineId === machineId);
    if (last) this.#close(last);
    if (this.#open.size >= limits.doctorExaminations) {
      const detail = `${limits.doctorExaminations} machines are being examined, which is the most.`;
      throw new VolleyError("E_DOCTOR_BUSY", detail);
    }
    const examination = await this.#bind(machineId);
    this.#open.set(examination.facts.id, examination);
    const { group, port } = examination.facts;
    this.#options.log.info(`machine ${machineId} is being examined on ${group}:${port}`);
    return examination.facts;
  }

  /** Throws E_NOT_FOUND, E_DOCTOR_BUSY, E_CONFLICT, and E_REQUEST_INVALID for what would take too long. */
  async burst(machineId: string, id: string, request: BurstRequest): Promise<BurstAnswer> {
    const examination = this.#find(machineId, id);
    const bytes = burstBytes(request);
    const takesMs = (bytes * 8) / (request.rateMbps * 1000);
    if (takesMs > limits.doctorBurstMs) {
      const detail = `packets: the burst would take ${Math.round(takesMs)} ms, more than ${limits.doctorBurstMs}.`;
      throw new VolleyError("E_REQUEST_INVALID", detail);
    }
    if (request.packetBytes.some((size) => size > this.#options.mtu)) {
      throw new VolleyError("E_REQUEST_INVALID", `packetBytes: sessions have at most ${this.#options.mtu}.`);
    }
    if (examination.busy) throw new VolleyError("E_CONFLICT", "A burst of this examination is on its way.");
    examination.busy = true;
    try {
      const gentle = request.rateMbps <= limits.doctorGentleMbps;
      const spend = () => this.#spend(examination, request, { bytes, gentle });
      return await (gentle ? spend() : this.#fast.take(spend));
    } finally {
      examination.busy = false;
      examination.askedMs = Date.now();
    }
  }

  /** Throws E_NOT_FOUND. */
  counts(machineId: string, id: string): EchoCounts {
    return this.#find(machineId, id).counts;
  }

  /** Throws E_NOT_FOUND. */
  close(machineId: string, id: string): void {
    this.#close(this.#find(machineId, id));
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const examination of this.#open.values()) this.#close(examination);
  }

  async #spend(
    examination: OpenExamination,
    request: BurstRequest,
    { bytes, gentle }: { bytes: number; gentle: boolean },
  ): Promise<BurstAnswer> {
    const casting = this.#options.sessions().some((session) => session.state === "casting");
    if (!gentle && casting) {
      throw new VolleyError("E_DOCTOR_BUSY", "A session is casting, which fast bursts would disturb.");
    }
    if (!this.#allowance.take(bytes, gentle, Date.now())) {
      throw new VolleyError("E_DOCTOR_BUSY", "The site has sent all the test multicast that it may for now.");
    }
    return examination.send(request);
  }

  #find(machineId: string, id: string): OpenExamination {
    const examination = this.#open.get(id);
    if (examination?.machineId !== machineId) {
      throw new VolleyError("E_NOT_FOUND", "This machine has no such examination (any more).");
    }
    examination.askedMs = Date.now();
    return examination;
  }

  async #bind(machineId: string): Promise<OpenExamination> {
    const { groups, interfaceAddress, mtu, timeToLive } = this.#options;
    const { group, port } = await groups.take();
    const facts = {
      id: randomUUID(),
      key: randomBytes(32).toString("hex"),
      group,
      port,
      castAddress: interfaceAddress,
      timeToLive,
      mtu,
    };
    try {
      return await this.#openAt(facts, machineId);
    } catch (error) {
      groups.release(group);
      throw toVolleyError(error);
    }
  }

  /** A port that is in use is passed over. */
  async #openAt(facts: Omit<Examination, "echoPort">, machineId: string): Promise<OpenExamination> {
    const others = [...this.#open.values()].map((one) => one.facts);
    const live = this.#options.sessions().filter((session) => session.state !== "closed");
    const taken = [facts.port, ...live.map(({ port }) => port)];
    taken.push(...others.flatMap((one) => [one.port, one.echoPort]));
    for (let attempt = 1; ; attempt += 1) {
      const echoPort = choosePort(this.#options.ports, taken);
      try {
        return await OpenExamination.open({ facts: { ...facts, echoPort }, machineId });
      } catch (error) {
        if (attempt === portTries) throw error;
        taken.push(echoPort);
      }
    }
  }

  #look(nowMs: number): void {
    for (const examination of this.#open.values()) {
      const idle = nowMs - examination.askedMs > limits.doctorIdleMs;
      if (idle || nowMs - examination.openedMs > limits.doctorLifeMs) this.#close(examination);
    }
  }

  #close(examination: OpenExamination): void {
    this.#open.delete(examination.facts.id);
    this.#options.groups.release(examination.facts.group);
    examination.close();
  }
}

function burstBytes({ packetBytes, packets }: BurstRequest): number {
  let bytes = 0;
  for (let number = 0; number < packets; number += 1) bytes += packetBytes[number % packetBytes.length] ?? 0;
  return bytes;
}
