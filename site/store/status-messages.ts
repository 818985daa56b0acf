/** What machines reported, as status messages: asked for, and forgotten after their time. */
import {
  ownMessages,
  severityOf,
  type StatusEntry,
  type StatusQuery,
} from "../../contract/status-messages.ts";
import { limits } from "../../contract/limits.ts";
import type { Selectable } from "kysely";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Report } from "../../contract/report.ts";
import type { Database } from "./schema.ts";
import { messagesAfter, type MessagesAfter, type MessagesWanted } from "./site-messages.ts";
import type { ReportDetail, ReportTable } from "./report-tables.ts";
import { toNumber } from "./schema.ts";

const dayMs = 86_400_000;

export class StatusMessageStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** The newest first. */
  async list(query: Omit<StatusQuery, "format">): Promise<StatusEntry[]> {
    let wanted = this.#select();
    if (query.machineId !== undefined) wanted = wanted.where("report.machine_id", "=", query.machineId);
    if (query.deploymentId !== undefined) {
      wanted = wanted.where("report.deployment_id", "=", query.deploymentId);
    }
    if (query.from !== undefined) wanted = wanted.where("report.received", ">=", query.from);
    if (query.to !== undefined) wanted = wanted.where("report.received", "<=", query.to);
    if (query.severity !== undefined) wanted = wanted.where("report.severity", "=", query.severity);
    if (query.messageId !== undefined) wanted = wanted.where("report.message_id", "=", query.messageId);
    if (query.before !== undefined) wanted = wanted.where("report.sequence", "<", query.before);
    const rows = await wanted.orderBy("report.sequence", "desc").limit(query.limit).execute();
    return rows.map(toEntry);
  }

  /** The next of those severities behind that one, the oldest first, once they have settled; and how far that reaches. */
  async after(sequence: number, { limit, severities }: MessagesWanted): Promise<MessagesAfter<StatusEntry>> {
    const settled = new Date(Date.now() - limits.webhookSettleMs).toISOString();
    const { last } = await this.#database
      .selectFrom("report")
      .select((select) => select.fn.max("sequence").as("last"))
      .where("sequence", ">", sequence)
      .where("received", "<=", settled)
      .executeTakeFirstOrThrow();
    if (last === null) return { entries: [], reached: sequence };
    const rows = await this.#select()
      .where("report.sequence", ">", sequence)
      .where("report.sequence", "<=", last)
      .where("report.severity", "in", severities)
      .orderBy("report.sequence")
      .limit(limit)
      .execute();
    return messagesAfter(rows.map(toEntry), { limit, last: toNumber(last) });
  }

  /** How many are kept, by severity. */
  async counts(): Promise<Map<string, number>> {
    const rows = await this.#database
      .selectFrom("report")
      .select((select) => ["severity", select.fn.countAll().as("count")])
      .groupBy("severity")
      .execute();
    return new Map(rows.map((row) => [row.severity, Number(row.count)]));
  }

  /** What came longer ago than it is kept goes; answers how much that was. */
  async prune(nowMs: number): Promise<number> {
    const before = new Date(nowMs - limits.statusDays * dayMs).toISOString();
    await this.#database.deleteFrom("site_message").where("time", "<", before).execute();
    const gone = await this.#database.deleteFrom("report").where("received", "<", before).executeTakeFirst();
    return Number(gone.numDeletedRows);
  }

  #select() {
    return this.#database
      .selectFrom("report")
      .innerJoin("machine", "machine.id", "report.machine_id")
      .leftJoin("deployment", "deployment.id", "report.deployment_id")
      .selectAll("report")
      .select(["machine.facts", "deployment.name"]);
  }
}

function toEntry(row: Selectable<ReportTable> & { facts: MachineFacts; name: string | null }): StatusEntry {
  return {
    sequence: toNumber(row.sequence),
    time: row.time,
    received: row.received,
    machineId: row.machine_id,
    machine: row.facts.name,
    deploymentId: row.deployment_id,
    deployment: row.name ?? "",
    severity: row.severity,
    messageId: row.message_id,
    message: row.message,
    step: row.detail?.step ?? 0,
    group: row.detail?.group ?? "",
    action: row.detail?.action ?? "",
    exitCode: row.detail?.exitCode ?? 0,
    output: row.detail?.output ?? row.text,
  };
}

/** The columns by which a report is asked for. */
export function messageOf(report: Report) {
  if (report.kind === "step-status") {
    const { messageId, messageName } = report.status;
    return {
      message_id: messageId,
      severity: severityOf(messageId),
      message: messageName,
      text: "",
    };
  }
  const kind = report.kind === "started" && report.resume ? "resumed" : report.kind;
  const { message, messageId, severity } = ownMessages[kind];
  return { message_id: messageId, severity, message, text: textOf(report) };
}

/** Null where the message has all of it. */
export function detailOf(report: Report): ReportDetail | null {
  switch (report.kind) {
    case "planned":
      return { plan: report.plan };
    case "image-planned":
      return { image: report.image };
    case "image-applied":
      return { image: report.image, outcome: report.outcome };
    case "succeeded":
      return { outcome: report.outcome };
    case "failed":
      return { error: report.error };
    default:
      return null;
  }
}

function textOf(report: Exclude<Report, { kind: "step-status" }>): string {
  switch (report.kind) {
    case "planned": {
      const { device, model, serial } = report.plan;
      return `${device}, ${model}, ${serial}`;
    }
    case "started":
      return "";
    case "notice":
      return report.text;
    case "succeeded":
      return report.outcome === null ? "" : `The disk has root ${report.outcome.root}`;
    case "image-planned":
    case "image-applied": {
      const { device, disk, name, packageId } = report.image;
      const on = disk === null ? "" : `, ${disk.model}, ${disk.serial}`;
      return `${packageId} (${name}): ${device}${on}`;
    }
    case "failed":
      return `${report.error.code}: ${report.error.detail}`;
  }
}
