/**
 * Opens, keeps and closes multicast sessions: one for each image of a deployment that machines are at work with. A
 * session starts with the first machine that joins, takes others at any moment, outlives a restart of the site, and
 * ends when its machines are done or silent. Its sender is threads of this process, so it cannot outlive it.
 */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { DeploymentRecord, ImageRecord, SessionRecord } from "../../contract/administration.ts";
import type { JoinAnswer } from "../../contract/deployment.ts";
import type { Progress, ProgressAnswer } from "../../contract/report.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Caster, CasterOptions } from "../../native/index.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import type { StoredSession } from "../store/sessions.ts";
import { Turns } from "../turns.ts";
import { choosePort, type PortRange } from "./addresses.ts";
import { closedRecord } from "./closed-session.ts";
import type { GroupAndPort } from "./groups.ts";
import { describe, LiveSession } from "./live-session.ts";

/** What of the addon is used here. */
export interface CastingDoor {
  openCaster(options: CasterOptions): Caster;
  receiverKey(options: { feedbackSecret: Buffer; session: number; receiver: number }): Buffer;
}
/** What of the content library is used here; all throw E_CONTENT_READ. */
export interface CastContent {
  manifest(imageId: string): Promise<Buffer>;
  /** Throws E_CONTENT_CORRUPT. */
  checkWhole(image: { id: string; name: string }, manifest: Buffer): Promise<void>;
  contentPath(imageId: string): string;
}
/** What of the groups is used here (groups.ts). */
export interface CastGroups {
  take(): Promise<GroupAndPort>;
  resume(had: GroupAndPort): Promise<void>;
  release(group: string): void;
}
export interface DirectorOptions {
  store: Store;
  content: CastContent;
  native: CastingDoor;
  /** IPv4 address that is sent from and listened on. */
  interfaceAddress: string;
  groups: CastGroups;
  ports: PortRange;
  mtu: number;
  timeToLive: number;
  log: Log;
  /** Called when what `records` says may have changed. */
  changed: () => void;
}

const closedShown = 20;
/** Ports that something else on this machine uses are passed over this often. */
const portTries = 16;

export class Director {
  readonly #options: DirectorOptions;
  readonly #live = new Map<string, LiveSession>();
  readonly #turns = new Turns();
  #closed: SessionRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DirectorOptions) {
    this.#options = options;
  }

  /** Goes on with the sessions that were open when the last process ended, and begins to look after them all. */
  async start(): Promise<void> {
    await this.#turns.take(async () => {
      for (const stored of await this.#options.store.sessions.listOpen()) await this.#resume(stored);
      await this.#loadClosed();
    });
    this.#timer = setInterval(() => void this.#turns.take(() => this.#look()), limits.sessionCheckMs);
  }

  /** A machine of the deployment takes part in the casting of an image from now on, as a receiver of its own. */
  join(machineId: string, deployment: DeploymentRecord, imageId = deployment.imageId): Promise<JoinAnswer> {
    return this.#turns.take(async () => {
      const { store, native } = this.#options;
      if (imageId === null) {
        throw new VolleyError("E_CONFLICT", `Deployment ${deployment.name} casts no image.`);
      }
      const open = this.#of(deployment.id);
      const session =
        open.find(({ stored }) => stored.imageId === imageId) ?? (await this.#open(deployment, imageId));
      session.checkNotOut(machineId);
      // A machine takes one image at a time: what it took part in before is over for it.
      const isElsewhere = ({ machines }: LiveSession): boolean => machines.get(machineId)?.finished === false;
      if (open.some((one) => one !== session && isElsewhere(one))) {
        await this.finished(deployment.id, machineId);
      }
      const { stored } = session;
      const moved = session.multicastOnly ? "" : session.movedBecause(machineId);
      const receiver = await store.sessions.addParticipant(stored.id, machineId, moved);
      session.machines.set(machineId, { finished: false });
      session.addReceiver(receiver, machineId);
      session.lastActivityMs = Date.now();
      session.doneSinceMs = null;
      const key = native.receiverKey({
        feedbackSecret: Buffer.from(stored.feedbackSecret, "hex"),
        session: stored.number,
        receiver,
      });
      const machines = Math.max(await store.deployments.machineCount(deployment), session.machines.size);
      this.#options.changed();
      return {
        session: {
          id: stored.id,
          number: stored.number,
          stream: stored.stream,
          key: stored.sessionKey,
          group: stored.group,
          port: stored.port,
          mtu: stored.mtu,
        },
        receiver: { number: receiver, key: key.toString("hex") },
        feedbackPort: session.caster.ports.feedback,
        unicastPort: session.caster.ports.unicast || null,
        groupSize: Math.min(Math.max(machines, 1), limits.receiversPerSession),
      };
    });
  }

  /**
   * A machine reports progress in a session: whether that goes on, or is gone, and why the machine was moved if it was.
   * Throws E_TOO_SLOW when it is out.
   */
  progress(machineId: string, deploymentId: string, progress: Progress): ProgressAnswer {
    const session = this.#live.get(progress.sessionId);
    if (session === undefined || session.stored.deploymentId !== deploymentId) {
      return { next: "rejoin", moved: "" };
    }
    session.lastActivityMs = Date.now();
    session.checkNotOut(machineId);
    session.noteProgress(machineId, progress);
    return { next: "go-on", moved: session.movedBecause(machineId) };
  }

  /** Whether the machine takes part in an open session of the deployment, which only a machine of it can. */
  takesPart(machineId: string, deploymentId: string): boolean {
    return this.#of(deploymentId).some(({ machines }) => machines.has(machineId));
  }

  /** A machine ended its work on a deployment, well or not. */
  async finished(deploymentId: string, machineId: string): Promise<void> {
    await this.#options.store.sessions.finishParticipant(deploymentId, machineId);
    for (const session of this.#of(deploymentId)) session.finish(machineId);
  }

  async closeDeployment(deploymentId: string): Promise<void> {
    await this.#turns.take(async () => {
      for (const session of this.#of(deploymentId)) await this.#close(session, "its deployment was closed");
    });
  }

  /** Forgets what it shows of a deployment that was removed. */
  forget(deploymentId: string): void {
    this.#closed = this.#closed.filter((session) => session.deploymentId !== deploymentId);
  }

  /** Open sessions, then the last closed ones. */
  records(): SessionRecord[] {
    return [...[...this.#live.values()].map((session) => session.record()), ...this.#closed];
  }

  /** Ends every sender; the sessions stay open in the store, for the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turns.take(async () => {
      await Promise.all([...this.#live.values()].map((session) => session.caster.stop()));
      this.#live.clear();
    });
  }

  #of(deploymentId: string): LiveSession[] {
    return [...this.#live.values()].filter((session) => session.stored.deploymentId === deploymentId);
  }

  async #open(deployment: DeploymentRecord, imageId: string): Promise<LiveSession> {
    if (this.#live.size >= limits.sessionsOpen) {
      throw new VolleyError("E_CONFLICT", `${limits.sessionsOpen} sessions are open, which is the most.`);
    }
    const { groups, store, mtu } = this.#options;
    const { group, port } = await groups.take();
    const stored: StoredSession = {
      id: randomUUID(),
      deploymentId: deployment.id,
      imageId,
      number: await this.#freeNumber(),
      stream: 0,
      group,
      port,
      mtu,
      start: 0,
      sessionKey: randomBytes(32).toString("hex"),
      feedbackSecret: randomBytes(32).toString("hex"),
      feedbackPort: 0,
      unicastPort: 0,
      multicastBytes: 0,
      unicastBytes: 0,
      parityPart: 0,
      open: true,
    };
    await store.sessions.add(stored);
    try {
      return await this.#cast(stored, deployment);
    } catch (error) {
      groups.release(group);
      await store.sessions.close(stored.id, stored);
      throw error;
    }
  }

  async #freeNumber(): Promise<number> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const number = randomInt(2 ** 32);
      if (!(await this.#options.store.sessions.numberTaken(number))) return number;
    }
    throw new VolleyError("E_INTERNAL", "No session number was free in a hundred tries.");
  }

  /** Opens the sender under a start number that is spent from here on, whatever happens. */
  async #cast(stored: StoredSession, deployment: DeploymentRecord): Promise<LiveSession> {
    const { store, content, log } = this.#options;
    const image = await store.images.find(stored.imageId);
    if (!image) {
      throw new VolleyError("E_NOT_FOUND", `The image of deployment ${deployment.name} is not there.`);
    }
    const manifest = await content.manifest(image.id);
    await content.checkWhole(image, manifest);
    const caster = await this.#openCaster(stored, { deployment, image, manifest });
    stored.feedbackPort = caster.ports.feedback;
    stored.unicastPort = caster.ports.unicast;
    const session = new LiveSession({ stored, image, caster, deployment });
    // Whoever sees the sender fail has the session in the table already: failing takes a turn of its own.
    this.#live.set(stored.id, session);
    caster.finished.catch((error: unknown) => void this.#turns.take(() => this.#failed(session, error)));
    try {
      await store.sessions.setPorts(stored.id, caster.ports);
    } catch (error) {
      this.#live.delete(stored.id);
      await caster.stop();
      throw error;
    }
    log.info(
      `session ${stored.number}, start ${stored.start}: ${image.name} to ${stored.group}:${stored.port}`,
    );
    return session;
  }

  /** A port that is in use is passed over the first time; later, machines count on the one they were told. */
  async #openCaster(
    stored: StoredSession,
    cast: { deployment: DeploymentRecord; image: ImageRecord; manifest: Buffer },
  ): Promise<Caster> {
    const { store, native, content, interfaceAddress, timeToLive } = this.#options;
    const settled = stored.feedbackPort !== 0;
    const passedOver = [...this.#live.values()].flatMap((session) => portsOf(session.stored));
    passedOver.push(stored.port);
    const freePort = (): number => {
      const port = choosePort(this.#options.ports, passedOver);
      passedOver.push(port);
      return port;
    };
    for (let attempt = 1; ; attempt += 1) {
      const ports = settled
        ? { feedback: stored.feedbackPort, unicast: stored.unicastPort }
        : { feedback: freePort(), unicast: freePort() };
      stored.start = await store.sessions.nextStart(stored.id);
      try {
        return native.openCaster({
          manifest: cast.manifest,
          contentPath: content.contentPath(cast.image.id),
          sessionKey: Buffer.from(stored.sessionKey, "hex"),
          feedbackSecret: Buffer.from(stored.feedbackSecret, "hex"),
          session: stored.number,
          start: stored.start,
          stream: stored.stream,
          group: stored.group,
          port: stored.port,
          interfaceAddress,
          feedbackPort: ports.feedback,
          unicastPort: cast.deployment.multicastOnly ? null : ports.unicast,
          timeToLive,
          mtu: stored.mtu,
          rateBytesPerSecond: Math.round((cast.deployment.rateMbps * 1_000_000) / 8),
        });
      } catch (error) {
        if (settled || attempt === portTries || toVolleyError(error).code !== "E_SOCKET") throw error;
      }
    }
  }

  async #resume(stored: StoredSession): Promise<void> {
    const { groups, store, log } = this.#options;
    try {
      await groups.resume(stored);
      const deployment = await store.deployments.find(stored.deploymentId);
      if (!deployment?.open) throw new VolleyError("E_SESSION_GONE", "Its deployment is closed.");
      const session = await this.#cast(stored, deployment);
      const participants = await store.sessions.participants([stored.id]);
      for (const { machineId, receiver, finished } of participants) {
        session.addReceiver(receiver, machineId);
        const before = session.machines.get(machineId)?.finished ?? true;
        session.machines.set(machineId, { finished: before && finished });
      }
      for (const { machineId, finished, moved } of participants) {
        if (moved !== "" && !finished) session.move({ machineId, reason: moved });
      }
    } catch (error) {
      log.warn(`session ${stored.number} does not go on: ${toVolleyError(error).detail}`);
      groups.release(stored.group);
      await store.sessions.close(stored.id, stored);
    }
  }

  async #loadClosed(): Promise<void> {
    const { store } = this.#options;
    for (const stored of await store.sessions.listRecent(closedShown)) {
      if (this.#live.has(stored.id)) continue;
      const image = await store.images.find(stored.imageId);
      if (!image) continue;
      const machines = new Set(
        (await store.sessions.participants([stored.id])).map((pair) => pair.machineId),
      );
      this.#closed.push(closedRecord({ ...stored, ...describe(stored, image) }, machines.size));
    }
  }

  /** Reads the counters and closes what is over. */
  async #look(): Promise<void> {
    const nowMs = Date.now();
    for (const session of this.#live.values()) {
      session.measure(nowMs);
      session.noteMachines(nowMs);
      await this.#moveSlow(session, nowMs);
      const doneMs = session.doneSinceMs === null ? 0 : nowMs - session.doneSinceMs;
      const silentMs = nowMs - session.lastActivityMs;
      try {
        if (doneMs > limits.sessionLingerMs) await this.#close(session, "its machines are done");
        else if (silentMs > limits.sessionIdleMs) await this.#close(session, "no machine reported progress");
      } catch (error) {
        this.#options.log.error(`session ${session.stored.number}: ${toVolleyError(error).detail}`);
      }
    }
    if (this.#live.size > 0) this.#options.changed();
  }

  async #moveSlow(session: LiveSession, nowMs: number): Promise<void> {
    const { log, store } = this.#options;
    for (const { machineId, reason } of session.moveSlow(nowMs)) {
      const to = session.multicastOnly ? "out" : "to unicast";
      log.warn(`session ${session.stored.number}: machine ${machineId} is moved ${to}: ${reason}`);
      await store.sessions.noteMoved(session.stored.id, machineId, reason);
    }
  }

  async #failed(session: LiveSession, error: unknown): Promise<void> {
    // Machines are told to join again; if the cause lasts, that is refused with it.
    if (this.#live.get(session.stored.id) !== session) return;
    await this.#close(session, toVolleyError(error).toString());
  }

  async #close(session: LiveSession, why: string): Promise<void> {
    const { store, log, changed } = this.#options;
    this.#live.delete(session.stored.id);
    await session.caster.stop();
    this.#options.groups.release(session.stored.group);
    session.measure(Date.now());
    log.info(`session ${session.stored.number} closed: ${why}`);
    const last = session.record();
    this.#closed = [closedRecord(last, last.machines), ...this.#closed].slice(0, closedShown);
    await store.sessions.close(session.stored.id, session.totals());
    changed();
  }
}

function portsOf(session: StoredSession): number[] {
  return [session.port, session.feedbackPort, session.unicastPort];
}
