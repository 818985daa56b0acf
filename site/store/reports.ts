/** What machines reported. A report that came before is not applied again. */
import { sql, type Selectable, type Transaction, type Updateable } from "kysely";
import { limits } from "../../contract/limits.ts";
import type { KeptStatus, Report, StepStatus } from "../../contract/report.ts";
import type { Database } from "./schema.ts";
import { ReportBatches, type Reported } from "./report-batches.ts";
import { toNumber, type AssignmentTable, type Tables } from "./schema.ts";
import { runReports, type RunReport } from "./run-reports.ts";
import { detailOf, messageOf } from "./status-messages.ts";

export class ReportStore {
  readonly #database: Database;
  readonly #batches: ReportBatches;
  constructor(database: Database) {
    this.#database = database;
    this.#batches = new ReportBatches((reported) =>
      database.transaction().execute((transaction) => keep(transaction, reported)),
    );
  }

  /** Takes all or none of them; answers those that were new. One for a deployment that is gone is kept, no more. */
  take(machineId: string, reports: Report[]): Promise<Report[]> {
    return this.#batches.take(machineId, reports);
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

  /**
   * The run that the machine's report `ending` ended, or that has not ended, the oldest report first. Empty where there is
   * none.
   */
  async run(deploymentId: string, machineId: string, ending?: string): Promise<RunReport[]> {
    return await runReports(this.#database, { deploymentId, machineId }, ending);
  }

  /** The deployment of which the machine told last. */
  async latestDeployment(machineId: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom("report")
      .select("deployment_id")
      .where("machine_id", "=", machineId)
      .orderBy("sequence", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.deployment_id;
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

async function keep(transaction: Transaction<Tables>, reported: Reported[]): Promise<Set<Reported>> {
  const received = new Date().toISOString();
  const rows = await transaction
    .insertInto("report")
    .values(reported.map((one) => rowOf(one, received)))
    .onConflict((conflict) => conflict.columns(["machine_id", "id"]).doNothing())
    .returning(["machine_id", "id", "sequence"])
    .execute();
  const kept = new Set(rows.map((row) => `${row.machine_id} ${row.id}`));
  // Of what comes twice at once, the first is the one that counts.
  const fresh = reported.filter(({ machineId, report }) =>
    kept.delete(`${machineId} ${report.id}`.toLowerCase()),
  );
  await change(transaction, fresh);
  const last = rows.at(-1);
  if (last !== undefined && toNumber(last.sequence) > limits.reportsKeptPerMachine) {
    await forgetOldest(transaction, [...new Set(rows.map((row) => row.machine_id))]);
  }
  return new Set(fresh);
}

function rowOf({ machineId, report }: Reported, received: string) {
  const told = detailOf(report);
  return {
    id: report.id,
    machine_id: machineId,
    deployment_id: report.deploymentId,
    kind: report.kind,
    time: report.time,
    received,
    detail: report.kind === "step-status" ? JSON.stringify(report.status) : null,
    told: told && JSON.stringify(told),
    ...messageOf(report),
  };
}

/** What each machine's assignment is after all of them: one statement for those that are changed in the same columns. */
async function change(transaction: Transaction<Tables>, fresh: readonly Reported[]): Promise<void> {
  const changes = new Map<string, Record<string, unknown>>();
  for (const { machineId, report } of fresh) {
    const key = `${machineId} ${report.deploymentId}`;
    const place = { machine_id: machineId, deployment_id: report.deploymentId };
    changes.set(key, { ...place, ...changes.get(key), ...changeOf(report) });
  }
  const byColumns = new Map<string, Record<string, unknown>[]>();
  for (const one of changes.values()) {
    const named = Object.keys(one).toSorted().join(" ");
    byColumns.set(named, [...(byColumns.get(named) ?? []), one]);
  }
  for (const rows of byColumns.values()) {
    const columns = changed.filter(({ name }) => rows[0] !== undefined && name in rows[0]);
    const set = columns.map(({ name, type }) => sql`${sql.ref(name)} = wanted.${sql.ref(name)}::${type}`);
    const as = columns.map(({ name }) => sql`${sql.ref(name)} text`);
    await sql`update assignment set ${sql.join(set)}
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as wanted(machine_id uuid, deployment_id uuid, ${sql.join(as)})
      where assignment.machine_id = wanted.machine_id and assignment.deployment_id = wanted.deployment_id`.execute(
      transaction,
    );
  }
}

const [text, json] = [sql.raw("text"), sql.raw("jsonb")];
/** What reports change of an assignment. */
const changed = [
  { name: "state", type: text },
  { name: "plan", type: json },
  { name: "outcome", type: json },
  { name: "error", type: json },
  { name: "notice", type: text },
  { name: "updated", type: text },
];

/** Sequence numbers are shared by all machines, so the bound is looked up among each machine's own. */
async function forgetOldest(transaction: Transaction<Tables>, machineIds: string[]): Promise<void> {
  await sql`delete from report using (
      select wanted.id::uuid as machine_id, (
        select kept.sequence from report as kept where kept.machine_id = wanted.id::uuid
        order by kept.sequence desc offset ${limits.reportsKeptPerMachine} limit 1
      ) as last
      from jsonb_array_elements_text(${JSON.stringify(machineIds)}::jsonb) as wanted(id)
    ) as oldest
    where report.machine_id = oldest.machine_id and report.sequence <= oldest.last`.execute(transaction);
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
    case "image-planned":
    case "image-applied":
      return { updated };
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
