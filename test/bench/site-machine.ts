/** A machine as the site sees one: it enrols, asks, joins, and tells how it comes on, over one connection that stays. */
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { JoinAnswer, Policy } from "../../contract/deployment.ts";
import { limits } from "../../contract/limits.ts";
import { EnrolAnswer } from "../../contract/machine.ts";
import { ProgressAnswer, ReportsAnswer, type Report } from "../../contract/report.ts";
import { machineFacts } from "../fixtures/records.ts";
import { LightCaller } from "./light-caller.ts";

/** What all machines of a run came to. */
export class Figures {
  /** How long each request was away until its answer was there, by what it was. */
  readonly latenciesMs = new Map<string, number[]>();
  /** Reports that the site said it has. */
  readonly acknowledged = new Set<string>();
  /** Requests that were not answered as they should be, and were made again. */
  failures = 0;
  lastFailure = "";
  /** Why machines were given up. */
  readonly unfinished = new Set<string>();
}

export interface MachineOptions {
  place: { host: string; port: number; authority: string };
  credential: string;
  number: number;
  /** How long it is at work, and after how many of the seconds it tells of a step. */
  seconds: number;
  stepSeconds: number;
  figures: Figures;
  /** Ends it wherever it is. */
  ended: AbortSignal;
}

const retryMs = 1000;
const bytes = 2 ** 34;

/** The Content-Length and keep-alive of a real agent, and its JSON; nothing of the image. */
export class SimulatedMachine {
  readonly #options: MachineOptions;
  readonly #caller: LightCaller;
  #token = "";

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#caller = new LightCaller(options.place, limits.requestTimeoutMs * 2);
  }

  async run(): Promise<void> {
    const { credential, ended, number, seconds, stepSeconds } = this.#options;
    const digits = number
      .toString(16)
      .padStart(6, "0")
      .replace(/..(?=.)/g, "$&:");
    const facts = { macAddresses: [`02:00:00:${digits}`], smbiosUuid: randomUUID() };
    const machine = { ...machineFacts(`pc-${number}`), ...facts };
    const enrolled = EnrolAnswer.parse(await this.#call("enrol", "/enrol", { credential, machine }));
    this.#token = `${enrolled.machineId}.${enrolled.machineKey}`;
    const { deployment } = Policy.parse(await this.#call("policy", "/policy"));
    if (deployment === null) throw new Error("no deployment is for the machine");
    const { id } = deployment;
    const plan = { device: "/dev/sda", sizeBytes: bytes, model: "Disk", serial: `S${number}`, lost: [] };
    await this.#report(id, { kind: "planned", plan });
    const join = await this.#call("join", `/deployments/${id}/join`, { resume: false });
    const { session } = JoinAnswer.parse(join);
    await this.#report(id, { kind: "started", resume: false });
    const beginMs = performance.now();
    let progressDue = beginMs;
    for (let second = 1; second <= seconds; second += 1) {
      const due = beginMs + second * 1000;
      await delay(Math.max(0, due - performance.now()), undefined, { signal: ended });
      if ((second + number) % stepSeconds === 0) await this.#report(id, stepStatus(second));
      if (performance.now() < progressDue) continue;
      const part = second / seconds;
      const toldMs = performance.now();
      const told = await this.#call("progress", `/deployments/${id}/progress`, {
        sessionId: session.id,
        phase: "receiving",
        waitingFor: "",
        bytesVerified: Math.round(bytes * part),
        bytesTotal: bytes,
        multicastBytes: Math.round(bytes * part),
        unicastBytes: 0,
        repairedSymbols: second,
        bytesPerSecond: bytes / seconds,
        secondsLeft: seconds - second,
      });
      const { nextAfterMs = limits.progressIntervalMs } = ProgressAnswer.parse(told);
      progressDue = toldMs + nextAfterMs;
    }
    const outcome = {
      root: randomBytes(32).toString("hex"),
      multicastBytes: bytes,
      unicastBytes: 0,
      foundChunks: 0,
      repairedSymbols: 0,
      seconds,
    };
    await this.#report(id, { kind: "succeeded", outcome });
  }

  close(): void {
    this.#caller.close();
  }

  async #report(deploymentId: string, what: ReportContent): Promise<void> {
    const report = { ...what, id: randomUUID(), deploymentId, time: new Date().toISOString() } as Report;
    const answer = ReportsAnswer.parse(await this.#call("status", "/reports", { reports: [report] }));
    for (const id of answer.acknowledged) this.#options.figures.acknowledged.add(id);
  }

  /** Again until it is answered, as an agent does. */
  async #call(what: string, path: string, body?: unknown): Promise<unknown> {
    const { figures } = this.#options;
    for (;;) {
      const beginMs = performance.now();
      this.#options.ended.throwIfAborted();
      try {
        const method = body === undefined ? "GET" : "POST";
        const answer = await this.#caller.call(method, `/api/v1${path}`, this.#token, body);
        if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
        const latencies = figures.latenciesMs.get(what) ?? [];
        latencies.push(performance.now() - beginMs);
        figures.latenciesMs.set(what, latencies);
        return JSON.parse(answer.text);
      } catch (error) {
        figures.failures += 1;
        figures.lastFailure = String(error);
        await delay(retryMs);
      }
    }
  }
}

type ReportContent = Report extends infer One
  ? One extends Report
    ? Omit<One, "id" | "deploymentId" | "time">
    : never
  : never;

function stepStatus(step: number): ReportContent {
  const messageName = "The task sequence execution engine successfully completed an action";
  const status = {
    messageId: 11_134,
    messageName,
    step,
    group: "Install",
    action: `Step ${step}`,
    exitCode: 0,
  };
  return { kind: "step-status", status: { ...status, output: "What the step printed.\n".repeat(10) } };
}
