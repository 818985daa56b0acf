/** What the site keeps for machines that boot from the network. */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { PxeComputer, PxeComputerRequest } from "../../contract/pxe.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Database } from "./database.ts";
import type { PxeStoredProperties } from "./schema.ts";

const onlyRow = 1;
/** A task sequence restarts the computer: SMS_TaskSequenceExecutionStatus of Configuration Manager. */
const restartMessage = "11142";

export interface EnrolledComputer {
  id: string;
  facts: MachineFacts;
}

export class PxeStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined until they were first changed. */
  async properties(): Promise<PxeStoredProperties | undefined> {
    const row = await this.#database.selectFrom("pxe_properties").selectAll().executeTakeFirst();
    return row?.properties;
  }

  async saveProperties(value: PxeStoredProperties): Promise<void> {
    const properties = JSON.stringify(value);
    await this.#database
      .insertInto("pxe_properties")
      .values({ id: onlyRow, properties })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ properties }))
      .execute();
  }

  async computers(): Promise<PxeComputer[]> {
    return await this.#database
      .selectFrom("pxe_computer")
      .selectAll()
      .orderBy("added")
      .orderBy("id")
      .execute();
  }

  async addComputer(wanted: PxeComputerRequest, state: PxeComputer["state"]): Promise<PxeComputer> {
    const computer = { ...wanted, id: randomUUID(), state, added: new Date().toISOString() };
    await this.#database.insertInto("pxe_computer").values(computer).execute();
    return computer;
  }

  async setComputerState(id: string, state: PxeComputer["state"]): Promise<void> {
    await this.#database.updateTable("pxe_computer").set({ state }).where("id", "=", id).execute();
  }

  async removeComputer(id: string): Promise<void> {
    await this.#database.deleteFrom("pxe_computer").where("id", "=", id).execute();
  }

  async enrolled(): Promise<EnrolledComputer[]> {
    return await this.#database
      .selectFrom("machine")
      .select(["id", "facts"])
      .orderBy("last_seen", "desc")
      .execute();
  }

  /** When the deployment was answered to any of these; undefined when it was not. */
  async answered(deploymentId: string, computers: string[]): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom("pxe_answer")
      .select("answered")
      .where("deployment_id", "=", deploymentId)
      .where("computer", "in", computers)
      .orderBy("answered", "desc")
      .executeTakeFirst();
    return row?.answered;
  }

  async noteAnswer(deploymentId: string, computer: string): Promise<void> {
    const answered = new Date().toISOString();
    await this.#database
      .insertInto("pxe_answer")
      .values({ deployment_id: deploymentId, computer, answered })
      .onConflict((conflict) => conflict.columns(["deployment_id", "computer"]).doUpdateSet({ answered }))
      .execute();
  }

  /** How many answers were forgotten. */
  async clearAnswers(computers: "all" | string[]): Promise<number> {
    const all = this.#database.deleteFrom("pxe_answer");
    const some = computers === "all" ? all : all.where("computer", "in", computers);
    return Number((await some.executeTakeFirst()).numDeletedRows);
  }

  /** What these machines reported until now no longer counts. */
  async noteClearing(machines: "all" | readonly string[]): Promise<void> {
    const cleared = new Date().toISOString();
    const known = this.#database
      .selectFrom("machine")
      .select(["id", sql<string>`${cleared}::text`.as("cleared")]);
    await this.#database
      .insertInto("pxe_clearing")
      .columns(["machine_id", "cleared"])
      .expression(machines === "all" ? known : known.where("id", "in", machines))
      .onConflict((conflict) => conflict.column("machine_id").doUpdateSet({ cleared }))
      .execute();
  }

  /** The machine's work on the deployment; `restarted` = its sequence has restarted it since then, and since it was cleared. */
  async work(
    deploymentId: string,
    machineId: string,
    since: string,
  ): Promise<{ state: string; restarted: boolean } | undefined> {
    const assignment = await this.#database
      .selectFrom("assignment")
      .select("state")
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .executeTakeFirst();
    if (!assignment) return undefined;
    const clearing = await this.#database
      .selectFrom("pxe_clearing")
      .select("cleared")
      .where("machine_id", "=", machineId)
      .executeTakeFirst();
    const from = clearing !== undefined && clearing.cleared > since ? clearing.cleared : since;
    const restart = await this.#database
      .selectFrom("report")
      .select("id")
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .where("received", ">", from)
      .where(sql<boolean>`detail->>'messageId' = ${restartMessage}`)
      .executeTakeFirst();
    return { state: assignment.state, restarted: restart !== undefined };
  }
}
