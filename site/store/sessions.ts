/** Multicast sessions and who takes part. Whatever must outlive a crash of the site is written before it is used. */
import { sql, type Selectable } from "kysely";
import type { EndReason, SessionEnd } from "../../contract/administration.ts";
import type { Database } from "./schema.ts";
import { tell } from "./site-messages.ts";
import { toNumber, type SessionTable } from "./schema.ts";

/** In a deployment's place, where machines download a shared package (casting/downloads.ts). */
export const downloadsId = "00000000-0000-0000-0000-000000000000";

export interface StoredSession {
  id: string;
  /** `downloadsId`: no deployment. */
  deploymentId: string;
  imageId: string;
  number: number;
  stream: number;
  group: string;
  port: number;
  mtu: number;
  /** As long as it lasts. */
  encrypted: boolean;
  start: number;
  /** Hex; never logged, never answered but in a join. */
  sessionKey: string;
  feedbackSecret: string;
  feedbackPort: number;
  unicastPort: number;
  multicastBytes: number;
  unicastBytes: number;
  parityPart: number;
  open: boolean;
  /** Null while it is open. */
  end: SessionEnd | null;
}

export interface Participant {
  sessionId: string;
  receiver: number;
  machineId: string;
  /** This join is over: the machine ended its work, or joined again. */
  finished: boolean;
  /** Why the site has moved the machine; empty: it has not. */
  moved: string;
}

function fromRow(row: Selectable<SessionTable>): StoredSession {
  return {
    id: row.id,
    deploymentId: row.deployment_id ?? downloadsId,
    imageId: row.image_id,
    number: toNumber(row.number),
    stream: row.stream,
    group: row.group_address,
    port: row.port,
    mtu: row.mtu,
    encrypted: row.encrypted,
    start: toNumber(row.start),
    sessionKey: row.session_key,
    feedbackSecret: row.feedback_secret,
    feedbackPort: row.feedback_port,
    unicastPort: row.unicast_port,
    multicastBytes: toNumber(row.multicast_bytes),
    unicastBytes: toNumber(row.unicast_bytes),
    parityPart: row.parity_part,
    open: row.open,
    end: endOf(row),
  };
}

function columnOf(deploymentId: string): string | null {
  return deploymentId === downloadsId ? null : deploymentId;
}

function endOf({ end_detail, end_reason, ended }: Selectable<SessionTable>): SessionEnd | null {
  if (ended === null) return null;
  return { reason: end_reason ?? "unknown", detail: end_detail, time: ended };
}

export class SessionStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async add(session: StoredSession): Promise<void> {
    await this.#database
      .insertInto("session")
      .values({
        id: session.id,
        deployment_id: columnOf(session.deploymentId),
        image_id: session.imageId,
        number: session.number,
        stream: session.stream,
        group_address: session.group,
        port: session.port,
        mtu: session.mtu,
        encrypted: session.encrypted,
        start: session.start,
        session_key: session.sessionKey,
        feedback_secret: session.feedbackSecret,
        feedback_port: session.feedbackPort,
        unicast_port: session.unicastPort,
        next_receiver: 1,
        multicast_bytes: 0,
        unicast_bytes: 0,
        parity_part: 0,
        open: true,
        created: new Date().toISOString(),
      })
      .execute();
  }

  async listOpen(): Promise<StoredSession[]> {
    const rows = await this.#database
      .selectFrom("session")
      .selectAll()
      .where("open", "=", true)
      .orderBy("created")
      .execute();
    return rows.map(fromRow);
  }

  /** The newest sessions, open or not. */
  async listRecent(count: number): Promise<StoredSession[]> {
    const rows = await this.#database
      .selectFrom("session")
      .selectAll()
      .orderBy("created", "desc")
      .limit(count)
      .execute();
    return rows.map(fromRow);
  }

  /** How many ended, by reason. */
  async ended(): Promise<Map<string, number>> {
    const rows = await this.#database
      .selectFrom("session")
      .select((select) => ["end_reason", select.fn.countAll().as("count")])
      .where("open", "=", false)
      .groupBy("end_reason")
      .execute();
    return new Map(rows.map((row) => [row.end_reason ?? "unknown", Number(row.count)]));
  }

  async numberTaken(number: number): Promise<boolean> {
    const row = await this.#database
      .selectFrom("session")
      .select("id")
      .where("number", "=", number)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Commits the next start number and answers it: a start is spent from the moment it could have been used. */
  async nextStart(id: string): Promise<number> {
    const row = await this.#database
      .updateTable("session")
      .set({ start: sql<number>`start + 1` })
      .where("id", "=", id)
      .returning("start")
      .executeTakeFirstOrThrow();
    return toNumber(row.start);
  }

  async setPorts(id: string, ports: { feedback: number; unicast: number }): Promise<void> {
    await this.#database
      .updateTable("session")
      .set({ feedback_port: ports.feedback, unicast_port: ports.unicast })
      .where("id", "=", id)
      .execute();
    await tell(this.#database, "sessionStarted", await this.#named(id));
  }

  /** As people know it. */
  async #named(id: string): Promise<string> {
    const row = await this.#database
      .selectFrom("session")
      .innerJoin("image", "image.id", "session.image_id")
      .leftJoin("deployment", "deployment.id", "session.deployment_id")
      .select(["session.number", "session.start", "image.name as image", "deployment.name as deployment"])
      .where("session.id", "=", id)
      .executeTakeFirst();
    if (row === undefined) return id;
    const whose = row.deployment === null ? "for downloads" : `of ${row.deployment}`;
    return `Session ${toNumber(row.number)}, start ${row.start}: ${row.image} ${whose}`;
  }

  /** A receiver number that was never used in this session. `moved` as in `participants`. */
  async addParticipant(sessionId: string, machineId: string, moved: string): Promise<number> {
    return await this.#database.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable("session")
        .set({ next_receiver: sql<number>`next_receiver + 1` })
        .where("id", "=", sessionId)
        .returning(["next_receiver", "deployment_id"])
        .executeTakeFirstOrThrow();
      const receiver = row.next_receiver - 1;
      // Earlier joins of the machine, in any stream of the deployment, are over: it has one disk to write.
      await transaction
        .updateTable("participant")
        .set({ finished: true })
        .where("session_id", "in", (select) =>
          select
            .selectFrom("session")
            .select("id")
            .where("deployment_id", "is not distinct from", row.deployment_id),
        )
        .where("machine_id", "=", machineId)
        .execute();
      await transaction
        .insertInto("participant")
        .values({ session_id: sessionId, receiver, machine_id: machineId, finished: false, moved })
        .execute();
      return receiver;
    });
  }

  /** The machine ended its work on the deployment, well or not. */
  async finishParticipant(deploymentId: string, machineId: string): Promise<void> {
    await this.#database
      .updateTable("participant")
      .set({ finished: true })
      .where("machine_id", "=", machineId)
      .where("session_id", "in", (select) =>
        select
          .selectFrom("session")
          .select("id")
          .where("deployment_id", "is not distinct from", columnOf(deploymentId)),
      )
      .execute();
  }

  /** The site has moved the machine, with this reason. */
  async noteMoved(sessionId: string, machineId: string, reason: string): Promise<void> {
    await this.#database
      .updateTable("participant")
      .set({ moved: reason })
      .where("session_id", "=", sessionId)
      .where("machine_id", "=", machineId)
      .where("finished", "=", false)
      .execute();
  }

  async participants(sessionIds: string[]): Promise<Participant[]> {
    if (sessionIds.length === 0) return [];
    const rows = await this.#database
      .selectFrom("participant")
      .select(["session_id", "receiver", "machine_id", "finished", "moved"])
      .where("session_id", "in", sessionIds)
      .execute();
    return rows.map((row) => ({
      sessionId: row.session_id,
      receiver: row.receiver,
      machineId: row.machine_id,
      finished: row.finished,
      moved: row.moved,
    }));
  }

  async close(
    id: string,
    total: { multicastBytes: number; unicastBytes: number; parityPart: number },
    { detail = "", reason }: { reason: EndReason; detail?: string },
  ): Promise<void> {
    await this.#database
      .updateTable("session")
      .set({
        open: false,
        ended: new Date().toISOString(),
        end_reason: reason,
        end_detail: detail,
        multicast_bytes: total.multicastBytes,
        unicast_bytes: total.unicastBytes,
        parity_part: total.parityPart,
      })
      .where("id", "=", id)
      .execute();
    const isFailure = reason === "sender-failed" || reason === "not-opened" || reason === "not-resumed";
    const why = detail === "" ? reason : `${reason}: ${detail}`;
    const named = `${await this.#named(id)}: ${why}`;
    await tell(this.#database, isFailure ? "sessionFailed" : "sessionEnded", named);
  }
}
