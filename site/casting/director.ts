/**
 * Keeps and closes multicast sessions: one for each image of a deployment that machines are at work with, or, where its
 * rule for slow machines says so, one for each stream of it. A session starts with the first machine that joins, takes others at any
 * moment, outlives a restart of the site, and ends when its machines are done or silent. Its sender is threads of this
 * process, so it cannot outlive it.
 */
import type {
  DeploymentRecord,
  EndReason,
  ImageRecord,
  SessionRecord,
} from "../../contract/administration.ts";
import type { JoinAnswer, JoinRequest } from "../../contract/deployment.ts";
import type { Progress, ProgressAnswer } from "../../contract/report.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import type { StoredSession } from "../store/sessions.ts";
import { Turns } from "../turns.ts";
import { ClosedSessions } from "./closed-sessions.ts";
import { castDeployment } from "./downloads.ts";
import { LiveSession } from "./live-session.ts";
import { castingOf, LiveSessions } from "./live-sessions.ts";
import { isMulticastOnly, SessionOpener, type CastWish, type OpenerOptions } from "./session-opener.ts";
import type { Move } from "./slow-clients.ts";
import type { StreamMove } from "./stream-rule.ts";
import { Streams } from "./streams.ts";
import { WaitingSessions } from "./waiting-sessions.ts";
import { countIsText } from "../quantities.ts";

export interface DirectorOptions extends OpenerOptions {
  log: Log;
  /** Called when what `records` says may have changed. */
  changed: () => void;
}

export class Director {
  readonly #options: DirectorOptions;
  readonly #opener: SessionOpener;
  readonly #live = new LiveSessions();
  /** Of castings that may have several: see `castingOf`. */
  readonly #streams = new Map<string, Streams>();
  readonly #turns = new Turns();
  /** Those that are still to start. */
  readonly waiting: WaitingSessions;
  readonly #closed = new ClosedSessions();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DirectorOptions) {
    this.#options = options;
    this.#opener = new SessionOpener(options);
    this.waiting = new WaitingSessions(options);
  }

  /** Goes on with the sessions that were open when the last process ended, and begins to look after them all. */
  async start(): Promise<void> {
    await this.#turns.take(async () => {
      await this.waiting.load(Date.now());
      for (const stored of await this.#options.store.sessions.listOpen()) await this.#resume(stored);
      for (const [casting, streams] of this.#streams) streams.sortOut(this.#live.ofCasting(casting));
      await this.#closed.load(this.#options.store, (id) => this.#live.get(id) !== undefined);
    });
    this.#timer = setInterval(() => void this.#turns.take(() => this.#look()), limits.sessionCheckMs);
  }

  /**
   * A machine of the deployment takes part in the casting of an image from now on, as a receiver of its own; one that
   * resumes has had its session and waits for no other. Throws E_TOO_SLOW when it is out, E_SESSION_GONE when the
   * deployment is closed, E_SESSION_WAITING and E_POINT_FULL while the distribution point's properties have it wait,
   * E_CONFLICT where the session is encrypted and the machine's agent knows no encryption.
   */
  join(
    machineId: string,
    deployment: DeploymentRecord,
    { encryption = true, imageId = deployment.imageId, resume = false }: Partial<JoinRequest> = {},
  ): Promise<JoinAnswer> {
    return this.#turns.take(async () => {
      const { store, native } = this.#options;
      if (imageId === null) {
        throw new VolleyError("E_CONFLICT", `Deployment ${deployment.name} casts no image.`);
      }
      const image = await store.images.find(imageId);
      if (!image) throw new VolleyError("E_NOT_FOUND", `There is no image ${imageId}.`);
      this.#checkPoint(machineId, deployment, image);
      const place = this.#streamsOf(deployment, imageId)?.placeOf(machineId) ?? { stream: 0, reason: "" };
      const wish = { deployment, imageId, stream: place.stream };
      if (!encryption) this.#opener.checkInClear(image, this.#live.find(wish)?.stored);
      const casting = this.#live.ofCasting(castingOf({ deploymentId: deployment.id, imageId }));
      // A package is one of many things that a sequence takes, each machine in its own time: nobody waits for others.
      const waits = !resume && image.purpose === "image";
      if (casting.length === 0 && waits) await this.waiting.check(machineId, wish, Date.now());
      const session = this.#live.find(wish) ?? (await this.#openFor(wish));
      session.checkNotOut(machineId);
      // A machine takes one image at a time: what it took part in before is over for it.
      const isElsewhere = ({ machines }: LiveSession): boolean => machines.get(machineId)?.finished === false;
      if (this.#live.ofDeployment(deployment.id).some((one) => one !== session && isElsewhere(one))) {
        await this.finished(deployment.id, machineId);
      }
      if (place.reason !== "") session.move({ machineId, reason: place.reason });
      const { stored } = session;
      const moved = session.movedBecause(machineId);
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
        session: session.forMachines(),
        receiver: { number: receiver, key: key.toString("hex") },
        feedbackPort: session.caster.ports.feedback,
        unicastPort: session.caster.ports.unicast || null,
        groupSize: Math.min(Math.max(machines, 1), limits.receiversPerSession),
      };
    });
  }

  /**
   * A machine reports progress in a session: whether that goes on, or is gone or another stream its own, and why the
   * machine was moved if it was. Throws E_TOO_SLOW when it is out.
   */
  progress(machineId: string, deploymentId: string, progress: Progress): ProgressAnswer {
    const session = this.#live.get(progress.sessionId);
    if (session === undefined || session.stored.deploymentId !== deploymentId) {
      return { next: "rejoin", moved: "" };
    }
    const answer = session.progress(machineId, progress);
    const nextAfterMs = this.#live.progressIntervalMs;
    return nextAfterMs > limits.progressIntervalMs ? { ...answer, nextAfterMs } : answer;
  }

  /** Whether the machine takes part in a session of the deployment, which only a machine of it can. */
  takesPart(machineId: string, deploymentId: string): boolean {
    return this.#live.ofDeployment(deploymentId).some(({ machines }) => machines.has(machineId));
  }

  /** A machine ended its work on a deployment, well or not. */
  async finished(deploymentId: string, machineId: string): Promise<void> {
    await this.#options.store.sessions.finishParticipant(deploymentId, machineId);
    for (const session of this.#live.ofDeployment(deploymentId)) session.finish(machineId);
  }

  async closeDeployment(deploymentId: string): Promise<void> {
    await this.#turns.take(async () => {
      await this.waiting.forget(deploymentId);
      const sessions = this.#live.ofDeployment(deploymentId);
      for (const session of sessions) await this.#close(session, "deployment-closed");
    });
  }

  /** Forgets what it shows of a deployment that was removed. */
  forget(deploymentId: string): void {
    this.#closed.forget(deploymentId);
  }

  /** Open sessions, then the last closed ones. */
  records(): SessionRecord[] {
    return [...this.#live.all.map((session) => session.record()), ...this.#closed.records];
  }

  /** Ends every sender; the sessions stay open in the store, for the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turns.take(async () => {
      await Promise.all(this.#live.all.map((session) => session.caster.stop()));
      for (const { stored } of this.#live.all) this.#live.remove(stored.id);
    });
  }

  /** Machines at work in sessions. */
  get served(): number {
    return this.#live.served().size;
  }

  /** Throws E_POINT_FULL, and E_CONFLICT for what needs multicast where there is none. */
  #checkPoint(machineId: string, deployment: DeploymentRecord, image: ImageRecord): void {
    const { maximumClients, multicast } = this.#options.properties.current;
    if (isMulticastOnly(deployment, image)) {
      const what = deployment.multicastOnly ? `Deployment ${deployment.name}` : image.name;
      const detail = multicast ? "the deployment is without" : "this distribution point does none";
      if (!multicast || !deployment.multicast) {
        throw new VolleyError("E_CONFLICT", `${what} is by multicast only, and ${detail}.`);
      }
    }
    const served = this.#live.served();
    if (maximumClients === 0 || served.has(machineId) || served.size < maximumClients) return;
    throw new VolleyError(
      "E_POINT_FULL",
      `${countIsText(served.size, "machine")} served, which is the most.`,
    );
  }

  /** Undefined where there is but one. */
  #streamsOf({ id, slowClients }: DeploymentRecord, imageId: string): Streams | undefined {
    if (slowClients.policy !== "multistream") return undefined;
    const casting = castingOf({ deploymentId: id, imageId });
    const streams = this.#streams.get(casting) ?? new Streams(slowClients.streams);
    this.#streams.set(casting, streams);
    return streams;
  }

  /** Of a machine that joins: the deployment may have been closed while its turn was waited for. */
  async #openFor(wish: CastWish): Promise<LiveSession> {
    const deployment = await castDeployment(wish.deployment.id, this.#options);
    if (!deployment?.open) {
      throw new VolleyError("E_SESSION_GONE", `Deployment ${wish.deployment.name} is closed.`);
    }
    return this.#open({ ...wish, deployment });
  }

  async #open(wish: CastWish): Promise<LiveSession> {
    const { groups, store } = this.#options;
    const stored = await this.#opener.add(wish, this.#live.size);
    try {
      const session = await this.#cast(stored, wish.deployment);
      await this.waiting.opened(wish);
      return session;
    } catch (error) {
      groups.release(stored.group);
      const { detail } = toVolleyError(error);
      await store.sessions.close(stored.id, stored, { reason: "not-opened", detail });
      throw error;
    }
  }

  async #cast(stored: StoredSession, deployment: DeploymentRecord): Promise<LiveSession> {
    const { store, log } = this.#options;
    const others = this.#live.all.map((session) => session.stored);
    const { caster, image } = await this.#opener.cast(stored, deployment, others);
    const session = new LiveSession({ stored, image, caster, deployment });
    // Whoever sees the sender fail has the session in the table already: failing takes a turn of its own.
    this.#live.add(session);
    caster.finished.catch((error: unknown) => void this.#turns.take(() => this.#failed(session, error)));
    try {
      await store.sessions.setPorts(stored.id, caster.ports);
    } catch (error) {
      this.#live.remove(stored.id);
      await caster.stop();
      throw error;
    }
    const stream = stored.stream === 0 ? "" : `, stream ${stored.stream}`;
    const where = `${stored.group}:${stored.port}`;
    log.info(`session ${stored.number}, start ${stored.start}${stream}: ${image.name} to ${where}`);
    return session;
  }

  async #resume(stored: StoredSession): Promise<void> {
    const { groups, store, log } = this.#options;
    try {
      await groups.resume(stored);
      const deployment = await castDeployment(stored.deploymentId, this.#options);
      if (!deployment?.open) throw new VolleyError("E_SESSION_GONE", "Its deployment is closed.");
      const session = await this.#cast(stored, deployment);
      const streams = this.#streamsOf(deployment, stored.imageId);
      const participants = await store.sessions.participants([stored.id]);
      for (const { machineId, receiver, finished } of participants) {
        session.addReceiver(receiver, machineId);
        const before = session.machines.get(machineId)?.finished ?? true;
        session.machines.set(machineId, { finished: before && finished });
      }
      for (const { machineId, finished, moved } of participants) {
        if (finished) continue;
        if (moved !== "") session.move({ machineId, reason: moved });
        streams?.settle(machineId, { stream: stored.stream, reason: moved });
      }
    } catch (error) {
      const { detail } = toVolleyError(error);
      log.warn(`session ${stored.number} does not go on: ${detail}`);
      const session = this.#live.get(stored.id);
      this.#live.remove(stored.id);
      await session?.caster.stop();
      groups.release(stored.group);
      await store.sessions.close(stored.id, stored, { reason: "not-resumed", detail });
    }
  }

  /** Reads the counters, moves who is too slow, and closes what is over. */
  async #look(): Promise<void> {
    const nowMs = Date.now();
    for (const session of this.#live.all) {
      session.measure(nowMs);
      session.noteMachines(nowMs);
      for (const move of session.newlyOverBudget()) {
        await this.#tellMove(
          session,
          move,
          session.overBudgetTo === "unicast" ? "to unicast" : "behind the others",
        );
      }
      await this.#moveSlow(session, nowMs);
    }
    for (const [casting, streams] of this.#streams) {
      const sessions = this.#live.ofCasting(casting);
      for (const move of streams.look(nowMs, sessions)) {
        const session = sessions.find(({ stored }) => stored.stream === move.from);
        if (session !== undefined) await this.#moveToStream(session, streams, move);
      }
    }
    for (const session of this.#live.all) {
      const doneMs = session.doneSinceMs === null ? 0 : nowMs - session.doneSinceMs;
      const silentMs = nowMs - session.lastActivityMs;
      try {
        if (doneMs > limits.sessionLingerMs) await this.#close(session, "done");
        else if (silentMs > limits.sessionIdleMs) await this.#close(session, "silent");
      } catch (error) {
        this.#options.log.error(`session ${session.stored.number}: ${toVolleyError(error).detail}`);
      }
    }
    const ended = await this.waiting.look(nowMs);
    if (ended || this.#live.size + this.waiting.size > 0) this.#options.changed();
  }

  async #moveSlow(session: LiveSession, nowMs: number): Promise<void> {
    for (const move of session.moveSlow(nowMs)) {
      await this.#tellMove(session, move, session.movesTo === "out" ? "out" : "to unicast");
      await this.#options.store.sessions.noteMoved(session.stored.id, move.machineId, move.reason);
    }
  }

  async #tellMove(session: LiveSession, { machineId, reason }: Move, where: string): Promise<void> {
    const { log, store } = this.#options;
    const name = (await store.machines.nameOf(machineId)) ?? machineId;
    log.warn(`session ${session.stored.number}: ${name} is moved ${where}: ${reason}`);
  }

  /** The machine is told with its next progress, and stays where it is if the stream cannot be opened. */
  async #moveToStream(session: LiveSession, streams: Streams, move: StreamMove): Promise<void> {
    const { log } = this.#options;
    const { deploymentId, imageId, number } = session.stored;
    const { from, machineId, reason, to } = move;
    try {
      const deployment = await castDeployment(deploymentId, this.#options);
      if (!deployment?.open) return;
      const wish = { deployment, imageId, stream: to };
      if (this.#live.find(wish) === undefined) await this.#open(wish);
    } catch (error) {
      const { detail } = toVolleyError(error);
      log.warn(
        `session ${number}: machine ${machineId} stays in stream ${from}, since ${to} does not open: ${detail}`,
      );
      return;
    }
    session.leave(move);
    streams.settle(machineId, { stream: to, reason });
    await this.#tellMove(session, move, `from stream ${from} to ${to}`);
  }

  async #failed(session: LiveSession, error: unknown): Promise<void> {
    // Machines are told to join again; if the cause lasts, that is refused with it.
    if (this.#live.get(session.stored.id) !== session) return;
    await this.#close(session, "sender-failed", toVolleyError(error).detail);
    this.waiting.excuse(session.stored.deploymentId, session.stored.imageId, Date.now());
  }

  async #close(session: LiveSession, reason: EndReason, detail = ""): Promise<void> {
    const { store, log, changed } = this.#options;
    this.#live.remove(session.stored.id);
    const casting = castingOf(session.stored);
    if (this.#live.ofCasting(casting).length === 0) this.#streams.delete(casting);
    await session.caster.stop();
    this.#options.groups.release(session.stored.group);
    session.measure(Date.now());
    log.info(`session ${session.stored.number} closed: ${reason}${detail === "" ? "" : `: ${detail}`}`);
    const last = { ...session.record(), end: { reason, detail, time: new Date().toISOString() } };
    this.#closed.add(last);
    await store.sessions.close(session.stored.id, session.totals(), { reason, detail });
    changed();
  }
}
