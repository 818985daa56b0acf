/** Status messages at a site: what machines told, each with its number, kept for a set time, queried and exported. */
import { z } from "zod";
import { Identifier, Time } from "./common.ts";
import { limits } from "./limits.ts";

export const Severity = z.enum(["information", "warning", "error"]);
export type Severity = z.infer<typeof Severity>;

/**
 * What a machine tells of a deployment beside its task sequence's steps, in numbers that Configuration Manager does not
 * use: those of the steps (11124 to 11144) are its own, and agent/sequence/status.ts has them.
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
} as const satisfies Record<string, { messageId: number; severity: Severity; message: string }>;

/** Of Configuration Manager's: an action or sequence that failed, and a failure that was ignored. */
const severities = new Map<number, Severity>([
  [11_135, "error"],
  [11_138, "warning"],
  [11_141, "error"],
]);

export function severityOf(messageId: number): Severity {
  return severities.get(messageId) ?? "information";
}

/** Query of GET /status and GET /status/export. */
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
