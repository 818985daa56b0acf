/** Which machines were given which deployments, and how far each came. */
import type { MachineState } from "../../contract/administration.ts";
import type { Database } from "./schema.ts";

export class AssignmentStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** By deployment: how many machines are in each state. */
  async counts(): Promise<Map<string, Map<MachineState, number>>> {
    const rows = await this.#database
      .selectFrom("assignment")
      .select((select) => ["deployment_id", "state", select.fn.countAll().as("count")])
      .groupBy(["deployment_id", "state"])
      .execute();
    const counts = new Map<string, Map<MachineState, number>>();
    for (const { count, deployment_id: id, state } of rows) {
      const known = counts.get(id) ?? new Map<MachineState, number>();
      counts.set(id, known.set(state, Number(count)));
    }
    return counts;
  }

  /** By open deployment: the machines that were given it. */
  async ofOpen(): Promise<Map<string, Set<string>>> {
    const rows = await this.#database
      .selectFrom("assignment")
      .innerJoin("deployment", "deployment.id", "assignment.deployment_id")
      .select(["deployment_id", "machine_id"])
      .where("deployment.open", "=", true)
      .execute();
    const machines = new Map<string, Set<string>>();
    for (const { deployment_id: id, machine_id: machine } of rows) {
      machines.set(id, (machines.get(id) ?? new Set()).add(machine));
    }
    return machines;
  }

  /** Of one deployment, with the machines' names. */
  async of(deploymentId: string) {
    return await this.#database
      .selectFrom("assignment")
      .innerJoin("machine", "machine.id", "assignment.machine_id")
      .select(["machine.id", "machine.facts", "state", "error", "notice", "outcome", "updated"])
      .where("deployment_id", "=", deploymentId)
      .execute();
  }
}
