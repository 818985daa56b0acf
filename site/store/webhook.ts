/**
 * Where status messages are sent, and how far that has come. The messages' own tables are the queue, so it is as durable and
 * as bounded as they are: what went from them after its time is not sent any more.
 */
import type { Selectable } from "kysely";
import type { Severity } from "../../contract/status-messages.ts";
import { limits } from "../../contract/limits.ts";
import type { Database } from "./schema.ts";
import { toNumber, type WebhookTable } from "./schema.ts";

export interface StoredWebhook {
  url: string;
  /** Sealed. */
  secret: string;
  least: Severity;
  reportSequence: number;
  siteSequence: number;
  failures: number;
  problem: string;
  delivered: string | null;
  /** Nobody sends before that. */
  notBefore: string;
}

const onlyRow = 1;

export class WebhookStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async find(): Promise<StoredWebhook | undefined> {
    const row = await this.#database.selectFrom("webhook").selectAll().executeTakeFirst();
    return row && toStored(row);
  }

  /** From what is told from now on. */
  async set(wanted: Pick<StoredWebhook, "url" | "secret" | "least">): Promise<void> {
    const row = {
      ...wanted,
      report_sequence: await this.#last("report"),
      site_sequence: await this.#last("site_message"),
      failures: 0,
      problem: "",
      delivered: null,
      not_before: new Date().toISOString(),
    };
    await this.#database
      .insertInto("webhook")
      .values({ id: onlyRow, ...row })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
      .execute();
  }

  async remove(): Promise<void> {
    await this.#database.deleteFrom("webhook").execute();
  }

  /** For one process alone, until `claimMs` from now. Undefined: there is none, it is another's, or left alone. */
  async claim(nowMs: number): Promise<StoredWebhook | undefined> {
    const row = await this.#database
      .updateTable("webhook")
      .set({ not_before: new Date(nowMs + limits.webhookClaimMs).toISOString() })
      .where("not_before", "<=", new Date(nowMs).toISOString())
      .returningAll()
      .executeTakeFirst();
    return row && toStored(row);
  }

  /** How a try ended: where it goes on, and from when. */
  async settle(
    url: string,
    ended: Pick<StoredWebhook, "reportSequence" | "siteSequence" | "failures" | "problem" | "delivered">,
    notBeforeMs: number,
  ): Promise<void> {
    await this.#database
      .updateTable("webhook")
      .set({
        report_sequence: ended.reportSequence,
        site_sequence: ended.siteSequence,
        failures: ended.failures,
        problem: ended.problem,
        delivered: ended.delivered,
        not_before: new Date(notBeforeMs).toISOString(),
      })
      .where("url", "=", url)
      .execute();
  }

  async #last(table: "report" | "site_message"): Promise<number> {
    const row = await this.#database
      .selectFrom(table)
      .select((select) => select.fn.max("sequence").as("last"))
      .executeTakeFirst();
    return toNumber(row?.last ?? 0);
  }
}

function toStored(row: Selectable<WebhookTable>): StoredWebhook {
  const { delivered, failures, least, problem, secret, url } = row;
  const reportSequence = toNumber(row.report_sequence);
  return {
    url,
    secret,
    least,
    reportSequence,
    siteSequence: toNumber(row.site_sequence),
    failures,
    problem,
    delivered,
    notBefore: row.not_before,
  };
}
