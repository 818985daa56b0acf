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

  async add(sequence: SequenceRecord): Promise<void> {
    const { added, bytes, fileName, hash, id, name, packageId } = sequence;
    await this.#database
      .insertInto("sequence")
      .values({ id, name, package_id: packageId, file_name: fileName, bytes, hash, added })
      .execute();
  }

  /** Those that a deployment's own sequence may run. */
  async childrenOf(deploymentId: string): Promise<SequenceRecord[]> {
    const rows = await this.#database
      .selectFrom("sequence")
      .innerJoin("deployment_child", "deployment_child.sequence_id", "sequence.id")
      .where("deployment_child.deployment_id", "=", deploymentId)
      .selectAll("sequence")
      .orderBy("sequence.name")
      .execute();
    return rows.map(toRecord);
  }

  /** The names of the deployments that use it, as their own or as a child. */
  async users(id: string): Promise<string[]> {
    const rows = await this.#database
      .selectFrom("deployment")
      .select("name")
      .where(({ eb, exists, or, selectFrom }) =>
        or([
          eb("sequence_id", "=", id),
          exists(
            selectFrom("deployment_child")
              .select("deployment_child.sequence_id")
              .whereRef("deployment_child.deployment_id", "=", "deployment.id")
              .where("deployment_child.sequence_id", "=", id),
          ),
        ]),
      )
      .execute();
    return rows.map((row) => row.name);
  }

  async remove(id: string): Promise<void> {
    await this.#database.deleteFrom("sequence").where("id", "=", id).execute();
  }
}

function toRecord(row: Selectable<SequenceTable>): SequenceRecord {
  const { added, hash, id, name } = row;
  const bytes = toNumber(row.bytes);
  return { id, name, packageId: row.package_id, fileName: row.file_name, bytes, hash, added };
}
