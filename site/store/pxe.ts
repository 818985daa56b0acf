/** What the site keeps for machines that boot from the network. */
import { sql } from "kysely";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Database, PxeStoredProperties } from "./schema.ts";

const onlyRow = 1;
/** A task sequence restarts the computer: SMS_TaskSequenceExecutionStatus of Configuration Manager. */
const restartMessage = "11142";
const preinstallation: MachineFacts["operatingSystem"][] = ["linux-pe", "winpe"];

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

  /** When the machine took the deployment's answer; undefined when it did not. */
  async answered(deploymentId: string, machineId: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom("pxe_answer")
      .select("answered")
      .where("deployment_id", "=", deploymentId)
      .where("computer", "=", machineId)
      .executeTakeFirst();
    return row?.answered;
  }

  /** A machine asks for its policy in a PE: it has booted for the deployment, unless that is noted already. */
  async noteAsked(deploymentId: string, machineId: string): Promise<void> {
    await this.#database
      .insertInto("pxe_answer")
      .columns(["deployment_id", "computer", "answered"])
      .expression(
        this.#assigned(deploymentId, machineId, new Date().toISOString()).where(
          sql<string>`machine.facts->>'operatingSystem'`,
          "in",
          preinstallation,
        ),
      )
      .onConflict((conflict) => conflict.columns(["deployment_id", "computer"]).doNothing())
      .execute();
  }

  /** It has started the deployment anew: what it reported before then is of another time. */
  async noteStarted(deploymentId: string, machineId: string, answered: string): Promise<void> {
    await this.#database
      .insertInto("pxe_answer")
      .columns(["deployment_id", "computer", "answered"])
      .expression(this.#assigned(deploymentId, machineId, answered))
      .onConflict((conflict) => conflict.columns(["deployment_id", "computer"]).doUpdateSet({ answered }))
      .execute();
  }

  /** How many answers were forgotten. */
  async clearAnswers(machines: "all" | readonly string[]): Promise<number> {
    const all = this.#database.deleteFrom("pxe_answer");
    const some = machines === "all" ? all : all.where("computer", "in", machines);
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

  /** A row of an answer for what is assigned to the machine, and no row for anything else: that bounds the table. */
  #assigned(deploymentId: string, machineId: string, answered: string) {
    return this.#database
      .selectFrom("assignment")
      .innerJoin("machine", "machine.id", "assignment.machine_id")
      .select(["assignment.deployment_id", sql<string>`machine.id::text`.as("computer")])
      .select(sql<string>`${answered}::text`.as("answered"))
      .where("assignment.deployment_id", "=", deploymentId)
      .where("assignment.machine_id", "=", machineId);
  }
}
