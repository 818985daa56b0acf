/** Who did what: entries are added and read, and go when they are very old. The database refuses anything else. */
import type { AuditEntry, AuditQuery } from "../../contract/accounts.ts";
import { limits } from "../../contract/limits.ts";
import type { Database } from "./schema.ts";
import { toNumber } from "./schema.ts";

const dayMs = 86_400_000;

export class AuditStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async add(entry: Omit<AuditEntry, "sequence" | "time">): Promise<void> {
    const time = new Date().toISOString();
    await this.#database
      .insertInto("audit_entry")
      .values({ ...entry, time })
      .execute();
  }

  /** The newest first. */
  async list(query: Omit<AuditQuery, "format">): Promise<AuditEntry[]> {
    let wanted = this.#database.selectFrom("audit_entry").selectAll();
    if (query.from !== undefined) wanted = wanted.where("time", ">=", query.from);
    if (query.to !== undefined) wanted = wanted.where("time", "<=", query.to);
    if (query.who !== undefined) wanted = wanted.where("who", "=", query.who);
    if (query.outcome !== undefined) wanted = wanted.where("outcome", "=", query.outcome);
    if (query.before !== undefined) wanted = wanted.where("sequence", "<", query.before);
    if (query.text !== undefined) {
      const pattern = `%${query.text.replace(/[\\%_]/g, "\\$&")}%`;
      wanted = wanted.where((row) =>
        row.or([row("action", "ilike", pattern), row("target", "ilike", pattern)]),
      );
    }
    const rows = await wanted.orderBy("sequence", "desc").limit(query.limit).execute();
    return rows.map((row) => ({ ...row, sequence: toNumber(row.sequence) }));
  }

  async prune(): Promise<void> {
    const before = new Date(Date.now() - limits.auditDays * dayMs).toISOString();
    await this.#database.deleteFrom("audit_entry").where("time", "<", before).execute();
  }
}
