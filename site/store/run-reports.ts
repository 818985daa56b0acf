/** The reports of which one run of a deployment on a machine consists. */
import { limits } from "../../contract/limits.ts";
import { ownMessages } from "../../contract/status-messages.ts";
import type { Database } from "./schema.ts";

/** As a row of the table. */
export type RunReport = Awaited<ReturnType<typeof reportsBetween>>[number];

/** A run ends with its success or failure, and begins with what comes after that, or with a start that is no resumption. */
export async function runReports(
  database: Database,
  place: { deploymentId: string; machineId: string },
  ending?: string,
): Promise<RunReport[]> {
  const rows = await reportsBetween(database, place, ending);
  const begins = rows.findLastIndex(({ message_id: id }) => id === ownMessages.started.messageId);
  if (begins === -1) {
    // What came after a run's end, and is no beginning, is none of a run.
    const isRun = ending !== undefined || rows.some(({ kind }) => kind === "planned" || kind === "started");
    return isRun ? rows : [];
  }
  const before = rows.slice(0, begins);
  const startedBefore = before.findLastIndex(({ kind }) => kind === "started");
  const planned = before.findLastIndex(({ kind }) => kind === "planned");
  return rows.slice(planned > startedBefore ? planned : begins);
}

/** Of the reports behind the end before, up to `ending` or all, the latest, the oldest first. */
async function reportsBetween(
  database: Database,
  { deploymentId, machineId }: { deploymentId: string; machineId: string },
  ending: string | undefined,
) {
  let mine = database
    .selectFrom("report")
    .where("machine_id", "=", machineId)
    .where("deployment_id", "=", deploymentId);
  if (ending !== undefined) {
    const last = mine.select("sequence").where("id", "=", ending);
    mine = mine.where("sequence", "<=", last);
  }
  let ends = mine.select((select) => select.fn.max("sequence").as("sequence")).where("kind", "in", endKinds);
  if (ending !== undefined) ends = ends.where("id", "!=", ending);
  const { sequence: end } = await ends.executeTakeFirstOrThrow();
  let wanted = mine.select(["kind", "time", "message_id", "message", "detail", "told"]);
  if (end !== null) wanted = wanted.where("sequence", ">", end);
  const rows = await wanted.orderBy("sequence", "desc").limit(limits.statusAnswerMost).execute();
  return rows.toReversed();
}

const endKinds = ["succeeded", "failed"] as const;
