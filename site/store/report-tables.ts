/** The tables of what machines reported, and of the signed reports that are made of it. As schema.ts has the others. */
import type { Generated } from "kysely";
import type { ErrorAnswer } from "../../contract/common.ts";
import type { RunState } from "../../contract/deployment-report.ts";
import type { Outcome, Plan, Report, StepImage, StepStatus } from "../../contract/report.ts";
import type { Severity } from "../../contract/status-messages.ts";
import type { Json } from "./columns.ts";

/** What a report says beside its status message. */
export interface ReportDetail {
  plan?: Plan;
  image?: StepImage;
  outcome?: Outcome | null;
  error?: ErrorAnswer;
}

export interface ReportTable {
  sequence: Generated<number | bigint | string>;
  id: string;
  machine_id: string;
  deployment_id: string;
  kind: Report["kind"];
  time: string;
  received: string;
  /** Of a step's status all of it. */
  detail: Json<StepStatus | null> | null;
  /** Null where the message says it all, and of what came before it was kept. */
  told: Json<ReportDetail | null> | null;
  message_id: number;
  severity: Severity;
  message: string;
  /** Of what is no step's status. */
  text: string;
}

/** Of runs that have ended. */
export interface DeploymentReportTable {
  sequence: Generated<number | bigint | string>;
  id: string;
  machine_id: string;
  machine: string;
  deployment_id: string;
  deployment: string;
  state: RunState;
  ended: string;
  made: string;
  /** The machine's report by which the run ended. */
  ending: string;
  report: string;
  signature: string;
}
