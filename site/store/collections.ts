/** Collections of devices: named ones, and those that a rule means. */
import { randomUUID } from "node:crypto";
import type { CollectionChange, CollectionRequest, DeviceRecord } from "../../contract/devices.ts";
import type { CollectionRule } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { SequenceVariable } from "../../contract/sequence.ts";
import { ruleMatches } from "./collection-rule.ts";
import type { Database } from "./schema.ts";

export interface StoredCollection {
  id: string;
  name: string;
  rule: CollectionRule | null;
  devices: string[];
  created: string;
}

export function isMember({ devices, rule }: StoredCollection, device: DeviceRecord): boolean {
  return devices.includes(device.id) || (rule !== null && ruleMatches(rule, device));
}

export class CollectionStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** By name. */
  async list(): Promise<StoredCollection[]> {
    const rows = await this.#database
      .selectFrom("collection")
      .select(["id", "name", "rule", "created"])
      .orderBy("name")
      .execute();
    const named = await this.#database.selectFrom("collection_device").selectAll().execute();
    const devices = new Map<string, string[]>(rows.map(({ id }) => [id, []]));
    for (const { collection_id: id, device_id: device } of named) devices.get(id)?.push(device);
    return rows.map((row) => ({ ...row, devices: devices.get(row.id) ?? [] }));
  }

  async find(id: string): Promise<StoredCollection | undefined> {
    return (await this.list()).find((one) => one.id === id);
  }

  /** Those that the device is in, by name. */
  async of(device: DeviceRecord): Promise<StoredCollection[]> {
    return (await this.list()).filter((one) => isMember(one, device));
  }

  /** Throws E_CONFLICT when there is one of the name, or no place. Every device has to exist. */
  async create({ devices, name, rule }: CollectionRequest): Promise<string> {
    const all = await this.list();
    if (all.length >= limits.collectionsMost) {
      throw new VolleyError("E_CONFLICT", `There are ${all.length} collections, which is the most.`);
    }
    refuseName(all, name);
    const id = randomUUID();
    const row = { id, name, rule: rule && JSON.stringify(rule), created: new Date().toISOString() };
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.insertInto("collection").values(row).execute();
      const members = [...new Set(devices)].map((device) => ({ collection_id: id, device_id: device }));
      if (members.length > 0) await transaction.insertInto("collection_device").values(members).execute();
    });
    return id;
  }

  /** Throws E_CONFLICT when another has the name. Every device has to exist. */
  async change(
    id: string,
    { add = [], name, remove = [], rule }: Omit<CollectionChange, "confirm">,
  ): Promise<void> {
    if (name !== undefined) {
      refuseName(
        (await this.list()).filter((one) => one.id !== id),
        name,
      );
    }
    const written = {
      ...(name !== undefined && { name }),
      ...(rule !== undefined && { rule: rule && JSON.stringify(rule) }),
    };
    await this.#database.transaction().execute(async (transaction) => {
      if (Object.keys(written).length > 0) {
        await transaction.updateTable("collection").set(written).where("id", "=", id).execute();
      }
      if (remove.length > 0) {
        await transaction
          .deleteFrom("collection_device")
          .where("collection_id", "=", id)
          .where("device_id", "in", remove)
          .execute();
      }
      const members = [...new Set(add)].map((device) => ({ collection_id: id, device_id: device }));
      if (members.length === 0) return;
      await transaction
        .insertInto("collection_device")
        .values(members)
        .onConflict((conflict) => conflict.columns(["collection_id", "device_id"]).doNothing())
        .execute();
    });
  }

  /** Throws E_CONFLICT while a deployment is to it. */
  async remove(id: string): Promise<void> {
    const user = await this.#database
      .selectFrom("deployment")
      .select("name")
      .where("collection_id", "=", id)
      .executeTakeFirst();
    if (user) throw new VolleyError("E_CONFLICT", `Deployment ${user.name} is to this collection.`);
    await this.#database.deleteFrom("collection").where("id", "=", id).execute();
  }

  /** Secrets sealed: see api/secret-variables. */
  async variables(id: string): Promise<SequenceVariable[]> {
    const row = await this.#database
      .selectFrom("collection")
      .select("variables")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.variables ?? [];
  }

  async setVariables(id: string, variables: readonly SequenceVariable[]): Promise<void> {
    const written = { variables: JSON.stringify(variables) };
    await this.#database.updateTable("collection").set(written).where("id", "=", id).execute();
  }
}

function refuseName(others: readonly StoredCollection[], name: string): void {
  if (others.some((one) => one.name === name)) {
    throw new VolleyError("E_CONFLICT", `There is a collection of the name ${name}.`);
  }
}
