/** BitLocker's recovery passwords, sealed (see api/recovery-keys), by machine. */
import type { RecoveryKey } from "../../contract/recovery-keys.ts";
import { limits } from "../../contract/limits.ts";
import type { Database } from "./schema.ts";

export class RecoveryKeyStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** The same protector once more changes nothing. Of one machine the newest are kept. */
  async keep(machineId: string, key: Omit<RecoveryKey, "kept">): Promise<void> {
    const { id, ...row } = key;
    await this.#database.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("recovery_key")
        .values({ ...row, machine_id: machineId, protector: id, kept: new Date().toISOString() })
        .onConflict((conflict) => conflict.columns(["machine_id", "protector"]).doNothing())
        .execute();
      const rows = await transaction
        .selectFrom("recovery_key")
        .select("protector")
        .where("machine_id", "=", machineId)
        .orderBy("kept", "desc")
        .execute();
      const old = rows.slice(limits.recoveryKeysPerMachine).map(({ protector }) => protector);
      if (old.length === 0) return;
      await transaction
        .deleteFrom("recovery_key")
        .where("machine_id", "=", machineId)
        .where("protector", "in", old)
        .execute();
    });
  }

  /** Sealed; newest first. */
  async ofMachine(machineId: string): Promise<RecoveryKey[]> {
    return await this.#database
      .selectFrom("recovery_key")
      .select(["protector as id", "drive", "password", "deployment", "kept"])
      .where("machine_id", "=", machineId)
      .orderBy("kept", "desc")
      .execute();
  }
}
