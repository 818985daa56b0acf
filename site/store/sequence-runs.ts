/** A machine's run of a deployment's task sequence: its key, and its checkpoint as it came. */
import { sql } from "kysely";
import type { RunCheckpoint } from "../../contract/sequence.ts";
import type { Database } from "./schema.ts";

export class SequenceRunStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** The run's key: `fresh` when it has none yet. Two requests at once get the same. */
  async key(deploymentId: string, machineId: string, fresh: string): Promise<string> {
    await this.#database
      .insertInto("sequence_run")
      .values({
        deployment_id: deploymentId,
        machine_id: machineId,
        secret_key: fresh,
        run_id: null,
        serial: null,
        checkpoint: null,
      })
      .onConflict((conflict) => conflict.columns(["deployment_id", "machine_id"]).doNothing())
      .execute();
    const row = await this.#of(deploymentId, machineId).select("secret_key").executeTakeFirstOrThrow();
    return row.secret_key;
  }

  /** JSON, or undefined. */
  async checkpoint(deploymentId: string, machineId: string): Promise<string | undefined> {
    const row = await this.#of(deploymentId, machineId).select("checkpoint").executeTakeFirst();
    return row?.checkpoint ?? undefined;
  }

  /** Leaves a later one of the same run. A run has its key first. */
  async saveCheckpoint(
    deploymentId: string,
    machineId: string,
    { json, runId, serial }: Pick<RunCheckpoint, "runId" | "serial"> & { json: string },
  ): Promise<void> {
    const isLater = sql<boolean>`(run_id is distinct from ${runId} or serial < ${serial})`;
    await this.#database
      .updateTable("sequence_run")
      .set({ run_id: runId, checkpoint: json, serial })
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .where(isLater)
      .execute();
  }

  async removeCheckpoint(deploymentId: string, machineId: string): Promise<void> {
    await this.#database
      .updateTable("sequence_run")
      .set({ run_id: null, serial: null, checkpoint: null })
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .execute();
  }

  #of(deploymentId: string, machineId: string) {
    return this.#database
      .selectFrom("sequence_run")
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId);
  }
}
