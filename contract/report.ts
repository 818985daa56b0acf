/** What an agent tells the site while it works: durable reports, and progress that only its latest value counts of. */
import { z } from "zod";
import { ByteCount, ErrorAnswer, HexRoot, Identifier, Time } from "./common.ts";
import { limits } from "./limits.ts";

const Text = z.string().max(limits.reportTextCharacters);

/** Model and serial number are empty where the disk does not say them. */
export const DiskShown = z.object({ device: Text, sizeBytes: ByteCount, model: Text, serial: Text });
export type DiskShown = z.infer<typeof DiskShown>;

/** The plan that was shown before a disk is touched. */
export const Plan = DiskShown.extend({
  /** What will be lost: partitions and file systems found on the disk, or "nothing found". */
  lost: z.array(Text).max(200),
});
export type Plan = z.infer<typeof Plan>;

export const Outcome = z.object({
  root: HexRoot,
  multicastBytes: ByteCount,
  unicastBytes: ByteCount,
  foundChunks: z.int().min(0),
  repairedSymbols: z.int().min(0),
  seconds: z.number().min(0),
  /** Of the image's, holes among them: those whose hash was right when the disk gave them back. */
  chunksVerified: z.int().min(0).optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** An image that a step of a task sequence puts somewhere. */
export const StepImage = z.object({
  packageId: Text,
  name: Text,
  /** A whole disk, a volume block by block, or the files of a WIM, which a program of the system writes. */
  kind: z.enum(["disk", "volume", "files"]),
  /** Null for files. */
  root: HexRoot.nullable(),
  /** Of files: SHA-256 of the package that they come from, and which of its images, from 1. */
  packageHash: Text.nullable(),
  index: z.int().min(1).nullable(),
  /** Disk or partition; in a Windows PE a drive, "C:". */
  device: Text,
  /** That it is on; null where the machine could not tell. */
  disk: DiskShown.nullable(),
});
export type StepImage = z.infer<typeof StepImage>;

/**
 * What a step or group of a task sequence came to: the fields of Configuration Manager's
 * SMS_TaskSequenceExecutionStatus that are not in the report itself.
 */
export const StepStatus = z.object({
  /** As Configuration Manager numbers them. */
  messageId: z.int().min(0),
  messageName: Text,
  /** 0 for the sequence itself, else the instruction's place from 1. */
  step: z.int().min(0),
  group: Text,
  action: Text,
  exitCode: z.int().min(0).max(0xffffffff),
  /** The last of what the step printed. */
  output: Text,
});
export type StepStatus = z.infer<typeof StepStatus>;
/** GET /deployments/:id/machines/:machineId/statuses: as they came, with the machine's own time. */
export const KeptStatus = StepStatus.extend({ time: Time });
export type KeptStatus = z.infer<typeof KeptStatus>;

const event = <Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) =>
  z.object({ id: Identifier, deploymentId: Identifier, time: Time, kind: z.literal(kind), ...shape });

/** Idempotent by `id`: sent until the site acknowledges it. */
export const Report = z.discriminatedUnion("kind", [
  event("planned", { plan: Plan }),
  event("started", { resume: z.boolean() }),
  event("notice", { text: Text }),
  event("step-status", { status: StepStatus }),
  /** Before a step writes it; again for the same place when an interrupted step begins anew. */
  event("image-planned", { image: StepImage }),
  /** It is there. Outcome null for files. */
  event("image-applied", { image: StepImage, outcome: Outcome.nullable() }),
  /** Null where a task sequence succeeded: what it applied was told then. */
  event("succeeded", { outcome: Outcome.nullable() }),
  event("failed", { error: ErrorAnswer }),
]);
export type Report = z.infer<typeof Report>;

/** The site wants the log of this machine's work for that deployment: see contract/machine-logs.ts. Said once. */
export const LogWanted = z.object({ logOf: Identifier.optional() });
export type LogWanted = z.infer<typeof LogWanted>;

/** POST /reports. */
export const ReportsRequest = z.object({ reports: z.array(Report).min(1).max(limits.reportsPerRequest) });
export const ReportsAnswer = LogWanted.extend({ acknowledged: z.array(Identifier) });

/** POST /deployments/:id/progress, about every second. */
export const Progress = z.object({
  sessionId: Identifier,
  phase: z.enum(["preparing", "receiving", "finishing", "done", "failed"]),
  /** What it waits for, a sentence; empty when it goes on. */
  waitingFor: Text,
  /** What of this machine holds it back: nothing that is known, the pace of the site, or one of its own. */
  bottleneck: z.enum(["none", "site", "network", "processor", "disk"]).default("none"),
  bytesVerified: ByteCount,
  bytesTotal: ByteCount,
  multicastBytes: ByteCount,
  unicastBytes: ByteCount,
  repairedSymbols: z.int().min(0),
  bytesPerSecond: z.number().min(0),
  secondsLeft: z.number().min(0).nullable(),
  /** Of the last seconds' datagrams, the part that did not come; from 0 to 1. */
  lossPart: z.number().min(0).max(1).optional(),
  /** Chunks that the disk took and gave back right, in the last seconds. */
  diskBytesPerSecond: z.number().min(0).optional(),
});
export type Progress = z.infer<typeof Progress>;
/** POST /deployments/:id/step, as a step of a task sequence begins: only the latest counts. */
export const RunningStep = z.object({
  /** "number of total": steps that count, as the machine's screen has them. */
  number: z.int().min(0),
  total: z.int().min(0),
  name: Text,
});
export type RunningStep = z.infer<typeof RunningStep>;

/**
 * `rejoin`: the session is gone, or another stream is this machine's (`moved` says why): join again. `moved` with
 * `go-on`: why the site has moved the machine to unicast; empty: it has not. E_TOO_SLOW instead: the machine is out.
 */
export const ProgressAnswer = LogWanted.extend({
  next: z.enum(["go-on", "rejoin"]),
  moved: z.string().max(limits.reportTextCharacters).default(""),
  /** The next progress is wanted after so long; without it after `limits.progressIntervalMs`. */
  nextAfterMs: z.int().min(limits.progressIntervalMs).max(limits.progressIntervalMostMs).optional(),
  /** As the JoinAnswer's: another one than there means that another process of the site casts now. */
  senderAddress: z.ipv4().optional(),
});
export type ProgressAnswer = z.infer<typeof ProgressAnswer>;
