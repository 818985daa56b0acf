/** Enrolment credentials: only their hashes are kept. */
import { sql } from "kysely";
import type { Database } from "./schema.ts";

export interface NewCredential {
  id: string;
  tokenHash: string;
  uses: number;
  expires: string;
  /** Whether who enrols with it is approved by that: it is unless this says otherwise. */
  approves?: boolean;
}

export class CredentialStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async add(credential: NewCredential): Promise<void> {
    await this.#database
      .insertInto("credential")
      .values({
        id: credential.id,
        token_hash: credential.tokenHash,
        uses_left: credential.uses,
        expires: credential.expires,
        created: new Date().toISOString(),
        approves: credential.approves ?? true,
      })
      .execute();
  }

  /** Takes no use; undefined when the credential is unknown, used up or expired. */
  async find(tokenHash: string): Promise<{ approves: boolean } | undefined> {
    return await this.#database
      .selectFrom("credential")
      .select("approves")
      .where("token_hash", "=", tokenHash)
      .where("uses_left", ">", 0)
      .where("expires", ">", new Date().toISOString())
      .executeTakeFirst();
  }

  /** Takes one use; undefined when the credential is unknown, used up or expired. */
  async use(tokenHash: string): Promise<{ approves: boolean } | undefined> {
    return await this.#database
      .updateTable("credential")
      .set({ uses_left: sql<number>`uses_left - 1` })
      .where("token_hash", "=", tokenHash)
      .where("uses_left", ">", 0)
      .where("expires", ">", new Date().toISOString())
      .returning("approves")
      .executeTakeFirst();
  }

  /** Forgets what can no longer be used. */
  async prune(): Promise<void> {
    const now = new Date().toISOString();
    await this.#database
      .deleteFrom("credential")
      .where((row) => row.or([row("uses_left", "<=", 0), row("expires", "<=", now)]))
      .execute();
  }
}
