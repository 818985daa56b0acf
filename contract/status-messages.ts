/** Status messages at a site: what machines told, each with its number, kept for a set time, queried and exported. */
import { z } from "zod";
import { Identifier, Time } from "./common.ts";
import { limits } from "./limits.ts";

export const Severity = z.enum(["information", "warning", "error"]);
export type Severity = z.infer<typeof Severity>;

/**
 * What a machine tells of a deployment beside its task sequence's steps, in numbers that Configuration Manager does not
 * use: those of the steps (11124 to 11144, 11911, 11912) are its own, and agent/sequence/status.ts has them.
 */
export const ownMessages = {
  planned: { messageId: 60_001, severity: "information", message: "The machine showed its plan" },
  started: { messageId: 60_002, severity: "information", message: "The machine began to write its disk" },
  resumed: {
    messageId: 60_003,
    severity: "information",
    message: "The machine resumed after an interruption",
  },
  notice: { messageId: 60_004, severity: "information", message: "The machine gave a notice" },
  succeeded: { messageId: 60_005, severity: "information", message: "The machine finished the deployment" },
  failed: { messageId: 60_006, severity: "error", message: "The deployment failed on the machine" },
  "image-planned": {
    messageId: 60_007,
    severity: "information",
    message: "A step of the task sequence is about to apply an image",
  },
  "image-applied": {
    messageId: 60_008,
    severity: "information",
    message: "A step of the task sequence has applied an image",
  },
} as const satisfies Record<string, { messageId: number; severity: Severity; message: string }>;

/** What the site tells of itself. */
export const siteMessages = {
  sessionStarted: { messageId: 61_001, severity: "information", message: "A session started" },
  sessionEnded: { messageId: 61_002, severity: "information", message: "A session ended" },
  sessionFailed: { messageId: 61_003, severity: "error", message: "A session failed" },
  imageImported: { messageId: 61_011, severity: "information", message: "An image is in the library" },
  imageRemoved: { messageId: 61_012, severity: "information", message: "An image was removed" },
  packageCast: { messageId: 61_013, severity: "information", message: "A package can be cast" },
  contentFailed: { messageId: 61_014, severity: "error", message: "Content could not be taken or verified" },
  deploymentMade: { messageId: 61_021, severity: "information", message: "A deployment was made" },
  deploymentClosed: { messageId: 61_022, severity: "information", message: "A deployment was closed" },
  deploymentRemoved: { messageId: 61_023, severity: "information", message: "A deployment was removed" },
} as const satisfies Record<string, { messageId: number; severity: Severity; message: string }>;

/** Of Configuration Manager's: an action or sequence that failed, a failure that was ignored, BitLocker not as asked for. */
const severities = new Map<number, Severity>([
  [11_135, "error"],
  [11_138, "warning"],
  [11_141, "error"],
  [11_911, "warning"],
  [11_912, "warning"],
]);

export function severityOf(messageId: number): Severity {
  return severities.get(messageId) ?? "information";
}

/** Query of GET /status. */
export const StatusQuery = z.object({
  machineId: Identifier.optional(),
  deploymentId: Identifier.optional(),
  /** By the site's clock, when it came. */
  from: Time.optional(),
  to: Time.optional(),
  severity: Severity.optional(),
  messageId: z.coerce.number().int().min(0).optional(),
  /** Only messages before this one. */
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(limits.statusAnswerMost).default(200),
  format: z.enum(["csv", "json"]).default("json"),
});
export type StatusQuery = z.infer<typeof StatusQuery>;
/** Of GET /status/export and GET /site-status/export: without a limit all that it matches. */
export const StatusExportQuery = StatusQuery.extend({
  limit: z.coerce.number().int().min(1).optional(),
});
export type StatusExportQuery = z.infer<typeof StatusExportQuery>;

export const StatusEntry = z.object({
  sequence: z.int(),
  /** By the machine's clock. */
  time: Time,
  received: Time,
  machineId: Identifier,
  machine: z.string(),
  deploymentId: Identifier,
  /** Empty for one that was removed. */
  deployment: z.string(),
  severity: Severity,
  messageId: z.int(),
  message: z.string(),
  /** 0 for the sequence itself and for what is no step. */
  step: z.int(),
  group: z.string(),
  action: z.string(),
  exitCode: z.int(),
  /** The last of what a step printed, a notice's text, or an error's. */
  output: z.string(),
});
export type StatusEntry = z.infer<typeof StatusEntry>;

/** GET /site-status, with the same query; what it says of machines and deployments does not count there. */
export const SiteStatusEntry = z.object({
  sequence: z.int(),
  time: Time,
  severity: Severity,
  messageId: z.int(),
  message: z.string(),
  /** Of what. */
  text: z.string(),
});
export type SiteStatusEntry = z.infer<typeof SiteStatusEntry>;
