/** People's accounts, and who of them is signed in. Of cookies only the hashes are kept. */
import { randomUUID } from "node:crypto";
import type { Selectable, Transaction, Updateable } from "kysely";
import type { AccountRecord, Role } from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { alone } from "./alone.ts";
import type { AccountTable, Database, Tables } from "./schema.ts";
import type { PasswordProof } from "./password-proofs.ts";

export interface StoredAccount extends AccountRecord {
  proof: PasswordProof;
}
export interface NewAccount {
  name: string;
  role: Role;
  proof: PasswordProof;
  mustChangePassword: boolean;
}

export class AccountStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async list(): Promise<AccountRecord[]> {
    const rows = await this.#database.selectFrom("account").selectAll().orderBy("name").execute();
    return rows.map(toRecord);
  }

  async find(id: string): Promise<StoredAccount | undefined> {
    return stored(await this.#all().where("id", "=", id).executeTakeFirst());
  }

  async named(name: string): Promise<StoredAccount | undefined> {
    return stored(await this.#all().where("name", "=", name).executeTakeFirst());
  }

  /** Throws E_CONFLICT when there is one of the name, or no place. */
  async add({ mustChangePassword, name, proof, role }: NewAccount): Promise<AccountRecord> {
    return await alone(this.#database, async (transaction) => {
      const names = await transaction.selectFrom("account").select("name").execute();
      if (names.some((one) => one.name === name)) {
        throw new VolleyError("E_CONFLICT", `There is an account of the name ${name}.`);
      }
      if (names.length >= limits.accountsMost) {
        throw new VolleyError("E_CONFLICT", `There are ${names.length} accounts, which is the most.`);
      }
      const row = await transaction
        .insertInto("account")
        .values({
          id: randomUUID(),
          name,
          role,
          password: JSON.stringify(proof),
          must_change: mustChangePassword,
          disabled: false,
          created: new Date().toISOString(),
          last_sign_in: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return toRecord(row);
    });
  }

  /** A role that changes, or a disabled account, ends its sign-ins. Throws E_CONFLICT for the last administrator. */
  async change(id: string, change: { role?: Role; disabled?: boolean }): Promise<void> {
    await alone(this.#database, async (transaction) => {
      const loses = change.disabled === true || (change.role ?? "administrator") !== "administrator";
      if (loses) await keepAnAdministrator(transaction, id);
      const written: Updateable<AccountTable> = { ...change };
      if (Object.keys(written).length === 0) return;
      await transaction.updateTable("account").set(written).where("id", "=", id).execute();
      await transaction.deleteFrom("page_session").where("account_id", "=", id).execute();
    });
  }

  /** Ends the account's sign-ins, but for the one whose cookie has that hash. */
  async setPassword(
    id: string,
    proof: PasswordProof,
    { keep, mustChange }: { keep: string | null; mustChange: boolean },
  ): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("account")
        .set({ password: JSON.stringify(proof), must_change: mustChange })
        .where("id", "=", id)
        .execute();
      const ended = transaction.deleteFrom("page_session").where("account_id", "=", id);
      await (keep === null ? ended : ended.where("token_hash", "!=", keep)).execute();
    });
  }

  /** The same password under other parameters. */
  async renewProof(id: string, proof: PasswordProof): Promise<void> {
    const password = JSON.stringify(proof);
    await this.#database.updateTable("account").set({ password }).where("id", "=", id).execute();
  }

  /** Throws E_CONFLICT for the last administrator. */
  async remove(id: string): Promise<void> {
    await alone(this.#database, async (transaction) => {
      await keepAnAdministrator(transaction, id);
      await transaction.deleteFrom("account").where("id", "=", id).execute();
    });
  }

  async signIn(id: string, tokenHash: string, expires: string): Promise<void> {
    const now = new Date().toISOString();
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom("page_session").where("expires", "<=", now).execute();
      const older = await transaction
        .selectFrom("page_session")
        .select("token_hash")
        .where("account_id", "=", id)
        .orderBy("created", "desc")
        .offset(limits.pageSessionsPerAccount - 1)
        .execute();
      const ended = older.map((row) => row.token_hash);
      if (ended.length > 0) {
        await transaction.deleteFrom("page_session").where("token_hash", "in", ended).execute();
      }
      const session = { token_hash: tokenHash, account_id: id, created: now, expires };
      await transaction.insertInto("page_session").values(session).execute();
      await transaction.updateTable("account").set({ last_sign_in: now }).where("id", "=", id).execute();
    });
  }

  async signOut(tokenHash: string): Promise<void> {
    await this.#database.deleteFrom("page_session").where("token_hash", "=", tokenHash).execute();
  }

  /** Whose cookie it is; undefined when it ended, or its account is disabled. */
  async signedIn(tokenHash: string): Promise<AccountRecord | undefined> {
    const row = await this.#database
      .selectFrom("page_session")
      .innerJoin("account", "account.id", "page_session.account_id")
      .selectAll("account")
      .where("page_session.token_hash", "=", tokenHash)
      .where("page_session.expires", ">", new Date().toISOString())
      .where("account.disabled", "=", false)
      .executeTakeFirst();
    return row && toRecord(row);
  }

  #all() {
    return this.#database.selectFrom("account").selectAll();
  }
}

async function keepAnAdministrator(transaction: Transaction<Tables>, without: string): Promise<void> {
  const left = await transaction
    .selectFrom("account")
    .select("id")
    .where("role", "=", "administrator")
    .where("disabled", "=", false)
    .execute();
  if (left.some(({ id }) => id !== without)) return;
  if (!left.some(({ id }) => id === without)) return;
  throw new VolleyError("E_CONFLICT", "This is the last administrator's account: make another one first.");
}

function toRecord(row: Selectable<AccountTable>): AccountRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    disabled: row.disabled,
    mustChangePassword: row.must_change,
    created: row.created,
    lastSignIn: row.last_sign_in,
  };
}

function stored(row: Selectable<AccountTable> | undefined): StoredAccount | undefined {
  return row && { ...toRecord(row), proof: row.password };
}
