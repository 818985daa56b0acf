/** User state that machines have stored, one for each machine, as rows. */
import { sql } from "kysely";
import type { Database } from "./schema.ts";
import { toNumber } from "./schema.ts";

export interface StoredState {
  fileId: string;
  /** Hex; never logged. */
  key: string;
  bytes: number;
  hash: string;
  /** It was brought back since. */
  restored: boolean;
  /** Null until it was. */
  expires: string | null;
}

/** Of what was not brought back: a row's times are compared as text. */
const never = "9999-12-31T23:59:59.999Z";

export class StateStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** The key that what is captured next is encrypted under: `fresh`, or the one that was given and not yet used. */
  async captureKey(machineId: string, fresh: string): Promise<string> {
    const row = await this.#database
      .insertInto("state_store")
      .values({
        machine_id: machineId,
        secret_key: "",
        next_key: fresh,
        file_id: null,
        bytes: 0,
        hash: "",
        expires: new Date().toISOString(),
      })
      .onConflict((conflict) =>
        conflict.column("machine_id").doUpdateSet({
          next_key: sql<string>`case state_store.next_key when '' then excluded.next_key else state_store.next_key end`,
        }),
      )
      .returning("next_key")
      .executeTakeFirstOrThrow();
    return row.next_key;
  }

  /** Undefined when nothing is stored, or it has expired. */
  async find(machineId: string): Promise<StoredState | undefined> {
    const row = await this.#database
      .selectFrom("state_store")
      .selectAll()
      .where("machine_id", "=", machineId)
      .where("expires", ">", new Date().toISOString())
      .executeTakeFirst();
    if (!row || row.file_id === null) return undefined;
    const { expires, file_id: fileId, hash, secret_key: key } = row;
    const restored = expires < never;
    return { fileId, key, bytes: toNumber(row.bytes), hash, restored, expires: restored ? expires : null };
  }

  /** Puts it in the place of what was stored, whose file is answered. False when no key was asked for. */
  async store(
    machineId: string,
    stored: { fileId: string; bytes: number; hash: string },
  ): Promise<{ replaced: string | null } | undefined> {
    return await this.#database.transaction().execute(async (transaction) => {
      const row = await transaction
        .selectFrom("state_store")
        .select(["file_id", "next_key"])
        .where("machine_id", "=", machineId)
        .executeTakeFirst();
      if (!row || row.next_key === "") return undefined;
      await transaction
        .updateTable("state_store")
        .set({
          secret_key: row.next_key,
          next_key: "",
          file_id: stored.fileId,
          bytes: stored.bytes,
          hash: stored.hash,
          expires: never,
        })
        .where("machine_id", "=", machineId)
        .execute();
      return { replaced: row.file_id };
    });
  }

  /** It is back, and is kept until `expires`. Again changes nothing. */
  async restored(machineId: string, expires: string): Promise<void> {
    await this.#database
      .updateTable("state_store")
      .set({ expires })
      .where("machine_id", "=", machineId)
      .where("expires", "=", never)
      .execute();
  }

  /** Forgets what is stored of the machine, with its key; answers its file, undefined when there is none. */
  async drop(machineId: string): Promise<string | undefined> {
    const row = await this.#database
      .deleteFrom("state_store")
      .where("machine_id", "=", machineId)
      .where("file_id", "is not", null)
      .returning("file_id")
      .executeTakeFirst();
    return row?.file_id ?? undefined;
  }

  /** Forgets what has expired; answers its files. */
  async expire(): Promise<string[]> {
    const rows = await this.#database
      .deleteFrom("state_store")
      .where("expires", "<", new Date().toISOString())
      .where("file_id", "is not", null)
      .returning("file_id")
      .execute();
    return rows.flatMap(({ file_id: fileId }) => (fileId === null ? [] : [fileId]));
  }

  async files(): Promise<string[]> {
    const rows = await this.#database.selectFrom("state_store").select("file_id").execute();
    return rows.flatMap(({ file_id: fileId }) => (fileId === null ? [] : [fileId]));
  }
}
