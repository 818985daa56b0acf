/** Enrolled machines and how far each is in its deployments. */
import { randomUUID } from "node:crypto";
import { sql, type Selectable } from "kysely";
import type { MachineRecord } from "../../contract/administration.ts";
import { isInPe, type MachineFacts } from "../../contract/machine.ts";
import type { AssignmentTable, Database, MachineTable } from "./schema.ts";
import { linkDevice, type DeviceWish } from "./devices.ts";

export interface EnrolledMachine {
  id: string;
  keyHash: string;
}

/** One that enrolled before. */
export interface KnownMachine {
  id: string;
  name: string;
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

  /**
   * The enrolled machine that who says these facts is: that of the same identity, or the one it was recognised as.
   * Undefined where it is a new one.
   */
  async find(facts: MachineFacts, { machineId }: DeviceWish): Promise<KnownMachine | undefined> {
    const machines = this.#database.selectFrom("machine").select(["id", "facts"]);
    const row =
      (await machines.where("identity", "=", identityOf(facts)).executeTakeFirst()) ??
      (machineId === undefined ? undefined : await machines.where("id", "=", machineId).executeTakeFirst());
    return row && { id: row.id, name: row.facts.name };
  }

  /**
   * Enrols a machine, or gives one that is known a new key; its old one ends. A known one that is in a PE keeps the name
   * that it has. Answers its identifier.
   */
  async enrol(facts: MachineFacts, keyHash: string, device: DeviceWish = {}): Promise<string> {
    const now = new Date().toISOString();
    const identity = identityOf(facts);
    const written = { key_hash: keyHash, facts: JSON.stringify(facts), last_seen: now };
    const known = await this.find(facts, device);
    return await this.#database.transaction().execute(async (transaction) => {
      if (known !== undefined) {
        const named = isInPe(facts) ? { ...facts, name: known.name } : facts;
        await transaction
          .updateTable("machine")
          .set({ ...written, identity, facts: JSON.stringify(named) })
          .where("id", "=", known.id)
          .execute();
        await linkDevice(transaction, known.id, facts, device);
        return known.id;
      }
      const { id } = await transaction
        .insertInto("machine")
        .values({ id: randomUUID(), identity, enrolled: now, ...written })
        .onConflict((conflict) => conflict.column("identity").doUpdateSet(written))
        .returning("id")
        .executeTakeFirstOrThrow();
      await linkDevice(transaction, id, facts, device);
      return id;
    });
  }

  async nameOf(id: string): Promise<string | undefined> {
    const rows = this.#database.selectFrom("machine").select("facts").where("id", "=", id);
    return (await rows.executeTakeFirst())?.facts.name;
  }

  async keys(): Promise<EnrolledMachine[]> {
    const rows = await this.#database.selectFrom("machine").select(["id", "key_hash"]).execute();
    return rows.map((row) => ({ id: row.id, keyHash: row.key_hash }));
  }

  /** Every machine, or those, with the assignment that was touched last. */
  async list(ids?: readonly string[]): Promise<MachineRecord[]> {
    let wanted = this.#database.selectFrom("machine").selectAll();
    let given = this.#database.selectFrom("assignment").selectAll();
    if (ids !== undefined) {
      // As one value: the statement is the same however many they are.
      const named = sql<string>`(select named.id::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as named(id))`;
      wanted = wanted.where("id", "in", named);
      given = given.where("machine_id", "in", named);
    }
    const machines = await wanted.orderBy("enrolled").orderBy("id").execute();
    const assignments = await given.orderBy("updated").execute();
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
