/** Enrolled machines and how far each is in its deployments. */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import type { MachineRecord } from "../../contract/administration.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Database } from "./database.ts";
import { linkDevice, type DeviceWish } from "./devices.ts";
import type { AssignmentTable, MachineTable } from "./schema.ts";

export interface EnrolledMachine {
  id: string;
  keyHash: string;
}

/**
 * What a machine that forgot its key (a boot environment keeps nothing) is recognised by: the name it goes by and
 * what its board and network cards say. One that has neither board number nor card is new each time.
 */
function identityOf(facts: MachineFacts): string | null {
  if (facts.smbiosUuid === null && facts.macAddresses.length === 0) return null;
  return JSON.stringify([facts.name, facts.smbiosUuid, facts.serial, [...facts.macAddresses].sort()]);
}

export class MachineStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Enrols a machine, or gives one that is known a new key; its old one ends. Answers its identifier. */
  async enrol(facts: MachineFacts, keyHash: string, device: DeviceWish = {}): Promise<string> {
    const now = new Date().toISOString();
    const written = { key_hash: keyHash, facts: JSON.stringify(facts), last_seen: now };
    return await this.#database.transaction().execute(async (transaction) => {
      const { id } = await transaction
        .insertInto("machine")
        .values({ id: randomUUID(), identity: identityOf(facts), enrolled: now, ...written })
        .onConflict((conflict) => conflict.column("identity").doUpdateSet(written))
        .returning("id")
        .executeTakeFirstOrThrow();
      await linkDevice(transaction, id, facts, device);
      return id;
    });
  }

  async keys(): Promise<EnrolledMachine[]> {
    const rows = await this.#database.selectFrom("machine").select(["id", "key_hash"]).execute();
    return rows.map((row) => ({ id: row.id, keyHash: row.key_hash }));
  }

  /** Every machine with the assignment that was touched last. */
  async list(): Promise<MachineRecord[]> {
    const machines = await this.#database
      .selectFrom("machine")
      .selectAll()
      .orderBy("enrolled")
      .orderBy("id")
      .execute();
    const assignments = await this.#database
      .selectFrom("assignment")
      .selectAll()
      .orderBy("updated")
      .execute();
    const latest = new Map(assignments.map((row) => [row.machine_id, row]));
    return machines.map((row) => toRecord(row, latest.get(row.id)));
  }

  async saw(ids: string[], time: string): Promise<void> {
    if (ids.length === 0) return;
    await this.#database.updateTable("machine").set({ last_seen: time }).where("id", "in", ids).execute();
  }
}

function toRecord(
  machine: Selectable<MachineTable>,
  assignment: Selectable<AssignmentTable> | undefined,
): MachineRecord {
  const error = assignment?.error ?? null;
  return {
    id: machine.id,
    facts: machine.facts,
    enrolled: machine.enrolled,
    lastSeen: machine.last_seen,
    deploymentId: assignment?.deployment_id ?? null,
    state: assignment?.state ?? "enrolled",
    plan: assignment?.plan ?? null,
    progress: null,
    outcome: assignment?.outcome ?? null,
    error,
    notice: assignment?.notice ?? "",
  };
}
