/** What machines reported. A report that came before is not applied again. */
import type { Selectable, Transaction, Updateable } from "kysely";
import { limits } from "../../contract/limits.ts";
import type { Report, StepStatus } from "../../contract/report.ts";
import type { Database } from "./database.ts";
import { toNumber, type AssignmentTable, type Tables } from "./schema.ts";
import { messageOf } from "./status-messages.ts";

export class ReportStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes all or none of them; answers those that were new. One for a deployment that is gone is kept, no more. */
  async take(machineId: string, reports: Report[]): Promise<Report[]> {
    return await this.#database.transaction().execute(async (transaction) => {
      const fresh: Report[] = [];
      for (const report of reports) {
        if (!(await insert(transaction, machineId, report))) continue;
        fresh.push(report);
        await transaction
          .updateTable("assignment")
          .set(changeOf(report))
          .where("machine_id", "=", machineId)
          .where("deployment_id", "=", report.deploymentId)
          .execute();
      }
      return fresh;
    });
  }

  /** How far the machine came; undefined when it was not given the deployment. */
  async work(deploymentId: string, machineId: string): Promise<Work | undefined> {
    return await this.#database
      .selectFrom("assignment")
      .select(["state", "plan", "outcome", "error"])
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .executeTakeFirst();
  }

  /** What a machine told of the steps of a deployment's task sequence, in the order in which it told it. */
  async statuses(deploymentId: string, machineId: string): Promise<KeptStatus[]> {
    const rows = await this.#database
      .selectFrom("report")
      .select(["time", "detail"])
      .where("machine_id", "=", machineId)
      .where("deployment_id", "=", deploymentId)
      .where("kind", "=", "step-status")
      .orderBy("sequence")
      .execute();
    return rows.flatMap(({ detail, time }) => (detail === null ? [] : [{ ...detail, time }]));
  }
}

export type Work = Pick<Selectable<AssignmentTable>, "state" | "plan" | "outcome" | "error">;

/** A step's status as it came. */
export interface KeptStatus extends StepStatus {
  time: string;
}

async function insert(transaction: Transaction<Tables>, machineId: string, report: Report): Promise<boolean> {
  const row = await transaction
    .insertInto("report")
    .values({
      id: report.id,
      machine_id: machineId,
      deployment_id: report.deploymentId,
      kind: report.kind,
      time: report.time,
      received: new Date().toISOString(),
      detail: report.kind === "step-status" ? JSON.stringify(report.status) : null,
      ...messageOf(report),
    })
    .onConflict((conflict) => conflict.columns(["machine_id", "id"]).doNothing())
    .returning("sequence")
    .executeTakeFirst();
  if (!row) return false;
  const oldestKept = toNumber(row.sequence) - limits.reportsKeptPerMachine;
  if (oldestKept > 0) await forgetBefore(transaction, machineId);
  return true;
}

/** Sequence numbers are shared by all machines, so the bound is looked up among this machine's own. */
async function forgetBefore(transaction: Transaction<Tables>, machineId: string): Promise<void> {
  await transaction
    .deleteFrom("report")
    .where("machine_id", "=", machineId)
    .where("sequence", "<=", (select) =>
      select
        .selectFrom("report as kept")
        .select("kept.sequence")
        .where("kept.machine_id", "=", machineId)
        .orderBy("kept.sequence", "desc")
        .offset(limits.reportsKeptPerMachine)
        .limit(1),
    )
    .execute();
}

/** "Restart Computer: … successfully completed an action", without who says so. */
function statusText({ action, messageName }: StepStatus): string {
  return `${action}: ${messageName.replace(/^The task sequence execution engine /, "")}`;
}

function changeOf(report: Report): Updateable<AssignmentTable> {
  const updated = new Date().toISOString();
  switch (report.kind) {
    case "planned":
      return {
        state: "planned",
        plan: JSON.stringify(report.plan),
        outcome: null,
        error: null,
        notice: "",
        updated,
      };
    case "started":
      return { state: "working", outcome: null, error: null, notice: "", updated };
    case "step-status":
      return { notice: statusText(report.status), updated };
    case "notice":
      return { notice: report.text, updated };
    case "succeeded":
      return {
        state: "succeeded",
        outcome: report.outcome === null ? null : JSON.stringify(report.outcome),
        error: null,
        notice: "",
        updated,
      };
    case "failed":
      return { state: "failed", error: JSON.stringify(report.error), updated };
  }
}
