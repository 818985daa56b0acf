/** The report of one run of a deployment on a machine, signed by the site: what was put where, when, and how each step ended. */
import { z } from "zod";
import { ByteCount, Identifier, Time } from "./common.ts";
import { limits } from "./limits.ts";
import { DiskShown, Outcome, StepImage } from "./report.ts";
import { StatusEntry } from "./status-messages.ts";

/** What is signed begins with these bytes, so that no report passes for a manifest, nor the other way round. */
export const reportMark = "volley deployment report 1\n";

/** An image that was put somewhere, or was about to be. */
export const ReportedImage = StepImage.extend({
  /** Null for the image that the deployment itself names. */
  packageId: z.string().nullable(),
  /** Of the image, as the site has it; null for files, and where the site has it no more. */
  bytes: ByteCount.nullable(),
  chunks: z.int().nullable(),
  disk: DiskShown.nullable(),
  /** By the machine's clock. Null: it was planned, and not all of it is there. */
  applied: Time.nullable(),
  /** As the machine told it; null where it is not there, and for files. */
  outcome: Outcome.nullable(),
});
export type ReportedImage = z.infer<typeof ReportedImage>;

export const RunState = z.enum(["planned", "working", "succeeded", "failed"]);
export type RunState = z.infer<typeof RunState>;

export const DeploymentReport = z.object({
  made: Time,
  /** SHA-256 of the certificate of the site's authority. */
  site: z.string(),
  machine: z.object({
    id: Identifier,
    name: z.string(),
    smbiosUuid: z.string().nullable(),
    serial: z.string().nullable(),
    manufacturer: z.string().nullable(),
    model: z.string().nullable(),
    macAddresses: z.array(z.string()),
  }),
  /** The name is empty where it was removed before the run ended; `createdBy` also where that was not kept. */
  deployment: z.object({
    id: Identifier,
    name: z.string(),
    createdBy: z.string(),
    created: Time.nullable(),
  }),
  sequence: z.object({ name: z.string(), version: z.int(), hash: z.string() }).nullable(),
  /** In the order in which they were planned: the deployment's own, or those that steps of its task sequence applied. */
  images: z.array(ReportedImage),
  state: RunState,
  /** By the machine's clock. */
  started: Time.nullable(),
  ended: Time.nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
  steps: z.array(
    StatusEntry.pick({
      time: true,
      messageId: true,
      message: true,
      step: true,
      group: true,
      action: true,
      exitCode: true,
    }),
  ),
});
export type DeploymentReport = z.infer<typeof DeploymentReport>;

/** GET /machines/:id/report: the machine's latest run, with ?deploymentId= that of a deployment. */
export const ReportQuery = z.object({ deploymentId: Identifier.optional() });

/** It, and GET /deployment-reports/:id: one that was kept when its run ended. */
export const SignedReport = z.object({
  /** A DeploymentReport as JSON, byte for byte as it was signed. */
  report: z.string(),
  /** Ed25519 over reportMark and the report in UTF-8, base64. */
  signature: z.string(),
});
export type SignedReport = z.infer<typeof SignedReport>;

/** GET /deployment-reports, the newest first. */
export const KeptReportQuery = z.object({
  machineId: Identifier.optional(),
  deploymentId: Identifier.optional(),
  /** By the names that they had when the run ended. */
  machine: z.string().optional(),
  deployment: z.string().optional(),
  /** Only reports before this one. */
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(limits.statusAnswerMost).default(200),
});
export type KeptReportQuery = z.infer<typeof KeptReportQuery>;

export const KeptReport = z.object({
  id: Identifier,
  sequence: z.int(),
  machineId: Identifier,
  machine: z.string(),
  deploymentId: Identifier,
  deployment: z.string(),
  state: RunState,
  ended: Time,
});
export type KeptReport = z.infer<typeof KeptReport>;

/** GET /report-key: what reports are verified with, SPKI in PEM. */
export const ReportKey = z.object({ key: z.string() });
export type ReportKey = z.infer<typeof ReportKey>;
