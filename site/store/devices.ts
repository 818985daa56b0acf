/** Devices: computers that the site was told of, that asked, or that have enrolled. Each is one row, whatever is known. */
import { randomUUID } from "node:crypto";
import type { Transaction } from "kysely";
import type { DeviceRecord, DeviceRequest, DeviceState } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { SequenceVariable } from "../../contract/sequence.ts";
import type { Database, Tables } from "./schema.ts";

export class DeviceStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async list(): Promise<DeviceRecord[]> {
    return (await this.#all().orderBy("device.added").orderBy("device.id").execute()).map(toRecord);
  }

  async find(id: string): Promise<DeviceRecord | undefined> {
    const row = await this.#all().where("device.id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }

  async ofMachine(machineId: string): Promise<DeviceRecord | undefined> {
    const row = await this.#all().where("device.machine_id", "=", machineId).executeTakeFirst();
    return row && toRecord(row);
  }

  /** Throws E_CONFLICT when there is no place. */
  async add(wanted: DeviceRequest, state: DeviceState): Promise<DeviceRecord> {
    const counted = await this.#database
      .selectFrom("device")
      .select((select) => select.fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    if (Number(counted.count) >= limits.devicesMost) {
      throw new VolleyError("E_CONFLICT", `There are ${limits.devicesMost} devices, which is the most.`);
    }
    const device = { ...wanted, id: randomUUID(), state, added: new Date().toISOString(), machine_id: null };
    await this.#database.insertInto("device").values(device).execute();
    return {
      ...wanted,
      id: device.id,
      state,
      added: device.added,
      machineId: null,
      facts: null,
      lastSeen: null,
    };
  }

  async setState(id: string, state: DeviceState): Promise<void> {
    await this.#database.updateTable("device").set({ state }).where("id", "=", id).execute();
  }

  /** One that has enrolled stays as it is: whoever waits or was refused is not let in by being forgotten. */
  async forget(id: string): Promise<void> {
    await this.#database.deleteFrom("device").where("id", "=", id).where("machine_id", "is", null).execute();
  }

  /** Secrets sealed: see api/secret-variables. Undefined when there is no such device. */
  async variables(id: string): Promise<SequenceVariable[] | undefined> {
    const row = await this.#database
      .selectFrom("device")
      .select("variables")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.variables;
  }

  async setVariables(id: string, variables: readonly SequenceVariable[]): Promise<void> {
    const written = { variables: JSON.stringify(variables) };
    await this.#database.updateTable("device").set(written).where("id", "=", id).execute();
  }

  #all() {
    return this.#database
      .selectFrom("device")
      .leftJoin("machine", "machine.id", "device.machine_id")
      .select(["device.id", "device.name", "device.uuid", "device.mac", "device.state", "device.added"])
      .select(["device.machine_id", "machine.facts", "machine.last_seen"]);
  }
}

interface Row extends Pick<DeviceRecord, "id" | "name" | "uuid" | "mac" | "state" | "added" | "facts"> {
  machine_id: string | null;
  last_seen: string | null;
}

function toRecord({ last_seen: lastSeen, machine_id: machineId, ...device }: Row): DeviceRecord {
  return { ...device, machineId, lastSeen };
}

/** How an enrolling machine becomes a device. */
export interface DeviceWish {
  /** The device that the machine was recognised as. */
  deviceId?: string;
  /** The machine that it was recognised as, which may go by another name. */
  machineId?: string;
  /** Of a device that is made, or that waits. */
  state?: DeviceState;
}

/** The machine's device, as the same transaction as its enrolment: its own, the recognised one, or a new one. */
export async function linkDevice(
  transaction: Transaction<Tables>,
  machineId: string,
  facts: MachineFacts,
  { deviceId, state = "approved" }: DeviceWish,
): Promise<void> {
  const own = await transaction
    .selectFrom("device")
    .select(["id", "state"])
    .where("machine_id", "=", machineId)
    .executeTakeFirst();
  const told =
    own ??
    (deviceId === undefined
      ? undefined
      : await transaction
          .selectFrom("device")
          .select(["id", "state"])
          .where("id", "=", deviceId)
          .where("machine_id", "is", null)
          .executeTakeFirst());
  if (told !== undefined) {
    await transaction
      .updateTable("device")
      .set({ machine_id: machineId, ...(told.state === "waiting" && { state }) })
      .where("id", "=", told.id)
      .execute();
    return;
  }
  const uuid = facts.smbiosUuid?.toLowerCase() ?? null;
  const [mac = null] = facts.macAddresses;
  const added = new Date().toISOString();
  await transaction
    .insertInto("device")
    .values({ id: randomUUID(), name: facts.name, uuid, mac, state, added, machine_id: machineId })
    .execute();
}
