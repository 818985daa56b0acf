/** Tokens for programs: only their hashes are kept. */
import type { Selectable } from "kysely";
import type { TokenRecord } from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { alone } from "./alone.ts";
import type { ApiTokenTable, Database } from "./schema.ts";

export class ApiTokenStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that have expired too. */
  async list(): Promise<TokenRecord[]> {
    const rows = await this.#database.selectFrom("api_token").selectAll().orderBy("name").execute();
    return rows.map(toRecord);
  }

  /** Throws E_CONFLICT when there is one of the name, or no place. */
  async add({ createdBy, lastUsed, ...token }: TokenRecord, tokenHash: string): Promise<void> {
    await alone(this.#database, async (transaction) => {
      const names = await transaction.selectFrom("api_token").select("name").execute();
      if (names.some(({ name }) => name === token.name)) {
        throw new VolleyError("E_CONFLICT", `There is a token of the name ${token.name}.`);
      }
      if (names.length >= limits.tokensMost) {
        throw new VolleyError("E_CONFLICT", `There are ${names.length} tokens: revoke some.`);
      }
      const row = { ...token, token_hash: tokenHash, created_by: createdBy, last_used: lastUsed };
      await transaction.insertInto("api_token").values(row).execute();
    });
  }

  async remove(id: string): Promise<void> {
    await this.#database.deleteFrom("api_token").where("id", "=", id).execute();
  }

  /** Undefined when it is unknown or has expired. */
  async find(tokenHash: string): Promise<TokenRecord | undefined> {
    const row = await this.#database
      .selectFrom("api_token")
      .selectAll()
      .where("token_hash", "=", tokenHash)
      .where("expires", ">", new Date().toISOString())
      .executeTakeFirst();
    return row && toRecord(row);
  }

  /** Whether it is there still and has not expired. */
  async isValid(id: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("api_token")
      .select("id")
      .where("id", "=", id)
      .where("expires", ">", new Date().toISOString())
      .executeTakeFirst();
    return row !== undefined;
  }

  async used(id: string, time: string): Promise<void> {
    await this.#database.updateTable("api_token").set({ last_used: time }).where("id", "=", id).execute();
  }
}

function toRecord(row: Selectable<ApiTokenTable>): TokenRecord {
  const { created, expires, id, name, role } = row;
  return { id, name, role, created, createdBy: row.created_by, expires, lastUsed: row.last_used };
}
