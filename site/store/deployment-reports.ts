/** Reports of runs that have ended, as they were signed: no key leads to their machine or deployment, which may go. */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import type {
  DeploymentReport,
  KeptReport,
  KeptReportQuery,
  SignedReport,
} from "../../contract/deployment-report.ts";
import { limits } from "../../contract/limits.ts";
import type { DeploymentReportTable } from "./report-tables.ts";
import { toNumber, type Database } from "./schema.ts";

const dayMs = 86_400_000;

export class DeploymentReportStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** `ending`: the machine's own report of the end. The same once more changes nothing. Of one machine the newest are kept. */
  async keep(
    ending: string,
    { deployment, ended, machine, made, state }: DeploymentReport,
    { report, signature }: SignedReport,
  ): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const row = {
        id: randomUUID(),
        machine_id: machine.id,
        machine: machine.name,
        deployment_id: deployment.id,
        deployment: deployment.name,
        state,
        ended: ended ?? made,
        made,
        ending,
        report,
        signature,
      };
      await transaction
        .insertInto("deployment_report")
        .values(row)
        .onConflict((conflict) => conflict.columns(["machine_id", "ending"]).doNothing())
        .execute();
      const mine = transaction.selectFrom("deployment_report").where("machine_id", "=", machine.id);
      const newest = mine.select("id").orderBy("sequence", "desc").limit(limits.deploymentReportsPerMachine);
      await transaction
        .deleteFrom("deployment_report")
        .where("machine_id", "=", machine.id)
        .where("id", "not in", newest)
        .execute();
    });
  }

  async has(machineId: string, ending: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("deployment_report")
      .select("id")
      .where("machine_id", "=", machineId)
      .where("ending", "=", ending)
      .executeTakeFirst();
    return row !== undefined;
  }

  async find(id: string): Promise<SignedReport | undefined> {
    return await this.#database
      .selectFrom("deployment_report")
      .select(["report", "signature"])
      .where("id", "=", id)
      .executeTakeFirst();
  }

  /** The newest first. */
  async list(query: KeptReportQuery): Promise<KeptReport[]> {
    const { before, deployment, deploymentId, limit, machine, machineId } = query;
    let wanted = this.#database
      .selectFrom("deployment_report")
      .select(["id", "sequence", "machine_id", "machine", "deployment_id", "deployment", "state", "ended"]);
    if (machineId !== undefined) wanted = wanted.where("machine_id", "=", machineId);
    if (deploymentId !== undefined) wanted = wanted.where("deployment_id", "=", deploymentId);
    if (machine !== undefined) wanted = wanted.where("machine", "=", machine);
    if (deployment !== undefined) wanted = wanted.where("deployment", "=", deployment);
    if (before !== undefined) wanted = wanted.where("sequence", "<", before);
    return (await wanted.orderBy("sequence", "desc").limit(limit).execute()).map(toRecord);
  }

  /** As long as status messages are kept. */
  async prune(nowMs: number): Promise<void> {
    const before = new Date(nowMs - limits.statusDays * dayMs).toISOString();
    await this.#database.deleteFrom("deployment_report").where("made", "<", before).execute();
  }
}

function toRecord(
  row: Omit<Selectable<DeploymentReportTable>, "made" | "ending" | "report" | "signature">,
): KeptReport {
  const { deployment, ended, id, machine, state } = row;
  return {
    id,
    sequence: toNumber(row.sequence),
    machineId: row.machine_id,
    machine,
    deploymentId: row.deployment_id,
    deployment,
    state,
    ended,
  };
}
