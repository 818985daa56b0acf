/** Task sequences, as rows; their files are in the file library under the same identifier. */
import type { Selectable } from "kysely";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { Database } from "./database.ts";
import { toNumber, type SequenceTable } from "./schema.ts";

export class SequenceStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async list(): Promise<SequenceRecord[]> {
    const rows = await this.#database
      .selectFrom("sequence")
      .selectAll()
      .orderBy("added")
      .orderBy("id")
      .execute();
    return rows.map(toRecord);
  }

  async find(id: string): Promise<SequenceRecord | undefined> {
    const row = await this.#database
      .selectFrom("sequence")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return row && toRecord(row);
  }

  async named(name: string): Promise<SequenceRecord | undefined> {
    const row = await this.#database
      .selectFrom("sequence")
      .selectAll()
      .where("name", "=", name)
      .executeTakeFirst();
    return row && toRecord(row);
  }

  async add({ added, bytes, fileName, hash, id, name }: SequenceRecord): Promise<void> {
    await this.#database
      .insertInto("sequence")
      .values({ id, name, file_name: fileName, bytes, hash, added })
      .execute();
  }

  /** The names of the deployments that use it. */
  async users(id: string): Promise<string[]> {
    const rows = await this.#database
      .selectFrom("deployment")
      .select("name")
      .where("sequence_id", "=", id)
      .execute();
    return rows.map((row) => row.name);
  }

  async remove(id: string): Promise<void> {
    await this.#database.deleteFrom("sequence").where("id", "=", id).execute();
  }
}

function toRecord(row: Selectable<SequenceTable>): SequenceRecord {
  const { added, hash, id, name } = row;
  return { id, name, fileName: row.file_name, bytes: toNumber(row.bytes), hash, added };
}
