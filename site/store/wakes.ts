/** Deployments that wake their machines: which are to, when they did, and whom they mean. */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { isMember, type StoredCollection } from "./collections.ts";
import type { Database } from "./schema.ts";

/** Whether a deployment to these machines, or to that collection, is for a device. One not approved is given nothing. */
export function meant(
  machines: DeploymentRecord["machines"],
  collection: StoredCollection | undefined,
): (device: DeviceRecord) => boolean {
  const named = machines === "all" ? null : new Set(machines);
  return (device) => {
    if (device.state !== "approved") return false;
    if (collection !== undefined) return isMember(collection, device);
    return named === null || named.has(device.machineId ?? "");
  };
}

export class WakeStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Of open deployments that have not woken theirs yet. */
  async waiting(): Promise<string[]> {
    const rows = await this.#database
      .selectFrom("deployment")
      .select("id")
      .where("open", "=", true)
      .where("wake", "=", true)
      .where("woken", "is", null)
      .execute();
    return rows.map(({ id }) => id);
  }

  async woken(id: string, time: string): Promise<void> {
    await this.#database.updateTable("deployment").set({ woken: time }).where("id", "=", id).execute();
  }
}
