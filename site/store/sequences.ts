/** Task sequences, as rows, one for each version; their files are in the file library under the same identifier. */
import { sql, type Selectable } from "kysely";
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { Database } from "./schema.ts";
import { toNumber } from "./schema.ts";
import type { SequenceTable } from "./sequence-tables.ts";

/** What the agent's check said of it: JSON, or why there is none. */
export type StoredCheck = { json: string } | { json: null; unchecked: string };

/** What a new version is, before it has its number. */
export type NewSequence = Omit<SequenceRecord, "version" | "latest">;

const columns = [
  "sequence.id",
  "sequence.name",
  "sequence.package_id",
  "sequence.file_name",
  "sequence.bytes",
  "sequence.hash",
  "sequence.added",
  "sequence.version",
] as const;

const isLatest = sql<boolean>`sequence.version =
  (select max(other.version) from sequence as other where other.name = sequence.name)`;

type Row = Selectable<Omit<SequenceTable, "check_json" | "unchecked">> & { latest: boolean };

export class SequenceStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Every version of each. */
  async list(): Promise<SequenceRecord[]> {
    const rows = await this.#select()
      .orderBy("sequence.added")
      .orderBy("sequence.version")
      .orderBy("sequence.id")
      .execute();
    return rows.map(toRecord);
  }

  async find(id: string): Promise<SequenceRecord | undefined> {
    const row = await this.#select().where("sequence.id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }

  async check(id: string): Promise<StoredCheck | undefined> {
    const row = await this.#database
      .selectFrom("sequence")
      .select(["check_json", "unchecked"])
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return row.check_json === null ? { json: null, unchecked: row.unchecked } : { json: row.check_json };
  }

  /** As the next version of its name; open deployments that take the latest have it from now on. */
  async add(sequence: NewSequence, check: StoredCheck): Promise<SequenceRecord> {
    const { added, bytes, fileName, hash, id, name, packageId } = sequence;
    return this.#database.transaction().execute(async (transaction) => {
      const before = await transaction
        .selectFrom("sequence")
        .select((select) => select.fn.max("version").as("version"))
        .where("name", "=", name)
        .executeTakeFirst();
      const version = (before?.version ?? 0) + 1;
      const kept = { check_json: check.json, unchecked: check.json === null ? check.unchecked : "" };
      await transaction
        .insertInto("sequence")
        .values({
          id,
          name,
          package_id: packageId,
          file_name: fileName,
          bytes,
          hash,
          added,
          version,
          ...kept,
        })
        .execute();
      await transaction
        .updateTable("deployment")
        .set({ sequence_id: id })
        .where("sequence_latest", "=", true)
        .where("open", "=", true)
        .where("sequence_id", "in", (select) =>
          select.selectFrom("sequence").select("id").where("name", "=", name),
        )
        .execute();
      return { ...sequence, version, latest: true };
    });
  }

  /**
   * The version that a machine runs for a deployment: the deployment's, but where that changes with each upload a machine
   * in the middle of a run goes on with what it began. `begins`: it is told now what to run.
   */
  async heldBy(
    { id: deploymentId, sequenceId, sequenceVersion }: DeploymentRecord,
    machineId: string,
    begins: boolean,
  ): Promise<SequenceRecord | undefined> {
    if (sequenceId === null) return undefined;
    if (sequenceVersion !== "latest") return this.find(sequenceId);
    const held = await this.#database
      .selectFrom("sequence_hold")
      .leftJoin("sequence_run", (join) =>
        join
          .onRef("sequence_run.deployment_id", "=", "sequence_hold.deployment_id")
          .onRef("sequence_run.machine_id", "=", "sequence_hold.machine_id"),
      )
      .select(["sequence_hold.sequence_id", "sequence_run.run_id"])
      .where("sequence_hold.deployment_id", "=", deploymentId)
      .where("sequence_hold.machine_id", "=", machineId)
      .executeTakeFirst();
    if (held !== undefined && (held.run_id !== null || !begins)) return this.find(held.sequence_id);
    await this.#database
      .insertInto("sequence_hold")
      .values({ deployment_id: deploymentId, machine_id: machineId, sequence_id: sequenceId })
      .onConflict((conflict) =>
        conflict.columns(["deployment_id", "machine_id"]).doUpdateSet({ sequence_id: sequenceId }),
      )
      .execute();
    return this.find(sequenceId);
  }

  /** Those that a deployment's own sequence may run. */
  async childrenOf(deploymentId: string): Promise<SequenceRecord[]> {
    const rows = await this.#select()
      .innerJoin("deployment_child", "deployment_child.sequence_id", "sequence.id")
      .where("deployment_child.deployment_id", "=", deploymentId)
      .orderBy("sequence.name")
      .execute();
    return rows.map(toRecord);
  }

  /** The names of the deployments that use it: as their own, as a child, or on a machine in the middle of a run. */
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
          exists(
            selectFrom("sequence_hold")
              .innerJoin("sequence_run", (join) =>
                join
                  .onRef("sequence_run.deployment_id", "=", "sequence_hold.deployment_id")
                  .onRef("sequence_run.machine_id", "=", "sequence_hold.machine_id"),
              )
              .select("sequence_hold.sequence_id")
              .whereRef("sequence_hold.deployment_id", "=", "deployment.id")
              .where("sequence_hold.sequence_id", "=", id)
              .where("sequence_run.run_id", "is not", null),
          ),
        ]),
      )
      .execute();
    return rows.map((row) => row.name);
  }

  async remove(id: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom("sequence_hold").where("sequence_id", "=", id).execute();
      await transaction.deleteFrom("sequence").where("id", "=", id).execute();
    });
  }

  #select() {
    return this.#database.selectFrom("sequence").select([...columns, isLatest.as("latest")]);
  }
}

function toRecord(row: Row): SequenceRecord {
  const { added, hash, id, latest, name, version } = row;
  const bytes = toNumber(row.bytes);
  return {
    id,
    name,
    packageId: row.package_id,
    fileName: row.file_name,
    bytes,
    hash,
    added,
    version,
    latest,
  };
}
