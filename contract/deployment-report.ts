/** The report of one machine's deployment, signed by the site: what was put on which disk, when, and how each step ended. */
import { z } from "zod";
import { ByteCount, HexRoot, Identifier, Time } from "./common.ts";
import { Outcome } from "./report.ts";
import { StatusEntry } from "./status-messages.ts";

/** What is signed begins with these bytes, so that no report passes for a manifest, nor the other way round. */
export const reportMark = "volley deployment report 1\n";

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
  deployment: z.object({ id: Identifier, name: z.string() }),
  /** Null where a task sequence decides what is put where. */
  image: z.object({ name: z.string(), root: HexRoot, bytes: ByteCount, chunks: z.int() }).nullable(),
  sequence: z.object({ name: z.string(), hash: z.string() }).nullable(),
  /** As the machine showed it before it wrote. */
  disk: z
    .object({ device: z.string(), model: z.string(), serial: z.string(), sizeBytes: ByteCount })
    .nullable(),
  state: z.string(),
  /** By the machine's clock; null where no message of it is kept. */
  started: Time.nullable(),
  ended: Time.nullable(),
  /** Chunks whose hash was right when they were read back; null where the machine did not finish an image. */
  chunksVerified: z.int().nullable(),
  outcome: Outcome.nullable(),
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

/** GET /machines/:id/report, with ?deploymentId= for another than its latest. */
export const SignedReport = z.object({
  /** A DeploymentReport as JSON, byte for byte as it was signed. */
  report: z.string(),
  /** Ed25519 over reportMark and the report in UTF-8, base64. */
  signature: z.string(),
});
export type SignedReport = z.infer<typeof SignedReport>;

/** GET /report-key: what reports are verified with, SPKI in PEM. */
export const ReportKey = z.object({ key: z.string() });
export type ReportKey = z.infer<typeof ReportKey>;
