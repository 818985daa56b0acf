/** The site's own status messages: each is written by what does the thing, in the same breath. */
import type { Kysely, Selectable } from "kysely";
import {
  siteMessages,
  type Severity,
  type SiteStatusEntry,
  type StatusQuery,
} from "../../contract/status-messages.ts";
import { limits } from "../../contract/limits.ts";
import type { Database } from "./schema.ts";
import { toNumber, type SiteMessageTable, type Tables } from "./schema.ts";

/** `database` may be a transaction. */
export async function tell(
  database: Pick<Kysely<Tables>, "insertInto">,
  what: keyof typeof siteMessages,
  text: string,
): Promise<void> {
  const { message, messageId, severity } = siteMessages[what];
  await database
    .insertInto("site_message")
    .values({
      time: new Date().toISOString(),
      message_id: messageId,
      severity,
      message,
      text: text.slice(0, limits.reportTextCharacters),
    })
    .execute();
}

export class SiteMessageStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async add(what: keyof typeof siteMessages, text: string): Promise<void> {
    await tell(this.#database, what, text);
  }

  /** The newest first. */
  async list(
    query: Pick<StatusQuery, "from" | "to" | "severity" | "messageId" | "before" | "limit">,
  ): Promise<SiteStatusEntry[]> {
    let wanted = this.#database.selectFrom("site_message").selectAll();
    if (query.from !== undefined) wanted = wanted.where("time", ">=", query.from);
    if (query.to !== undefined) wanted = wanted.where("time", "<=", query.to);
    if (query.severity !== undefined) wanted = wanted.where("severity", "=", query.severity);
    if (query.messageId !== undefined) wanted = wanted.where("message_id", "=", query.messageId);
    if (query.before !== undefined) wanted = wanted.where("sequence", "<", query.before);
    return (await wanted.orderBy("sequence", "desc").limit(query.limit).execute()).map(toEntry);
  }

  /** As StatusMessageStore's. */
  async after(
    sequence: number,
    { limit, severities }: MessagesWanted,
  ): Promise<MessagesAfter<SiteStatusEntry>> {
    const settled = new Date(Date.now() - limits.webhookSettleMs).toISOString();
    const { last } = await this.#database
      .selectFrom("site_message")
      .select((select) => select.fn.max("sequence").as("last"))
      .where("sequence", ">", sequence)
      .where("time", "<=", settled)
      .executeTakeFirstOrThrow();
    if (last === null) return { entries: [], reached: sequence };
    const rows = await this.#database
      .selectFrom("site_message")
      .selectAll()
      .where("sequence", ">", sequence)
      .where("sequence", "<=", last)
      .where("severity", "in", severities)
      .orderBy("sequence")
      .limit(limit)
      .execute();
    return messagesAfter(rows.map(toEntry), { limit, last: toNumber(last) });
  }
}

export interface MessagesWanted {
  severities: readonly Severity[];
  limit: number;
}
export interface MessagesAfter<Entry> {
  entries: Entry[];
  /** Up to here all that is wanted is among them. */
  reached: number;
}

export function messagesAfter<Entry extends { sequence: number }>(
  entries: Entry[],
  { last, limit }: { last: number; limit: number },
): MessagesAfter<Entry> {
  return { entries, reached: entries.length < limit ? last : (entries.at(-1)?.sequence ?? last) };
}

function toEntry({ message_id: messageId, sequence, ...row }: Selectable<SiteMessageTable>): SiteStatusEntry {
  return { ...row, messageId, sequence: toNumber(sequence) };
}
