/** What an administrator (the command line, the page, the demo) asks of the site, with the admin token. */
import { z } from "zod";
import { ByteCount, ErrorAnswer, HexRoot, Identifier, MulticastUse, Name, Port, Time } from "./common.ts";
import { limits } from "./limits.ts";
import { DiskRule, ImageFacts } from "./deployment.ts";
import { MachineFacts } from "./machine.ts";
import { Outcome, Plan, Progress, RunningStep } from "./report.ts";
import { FileName, PackageList, SequenceVariables } from "./sequence.ts";

export const ImageFormat = z.enum(["raw", "qcow2", "vhd", "vhdx", "vmdk", "wim"]);
export type ImageFormat = z.infer<typeof ImageFormat>;

export const ImageRecord = ImageFacts.extend({
  imported: Time,
  holes: z.int(),
  chunks: z.int(),
  /** "package": the content of a package, made by the site to be cast; it is no disk's, and in no list of images. */
  purpose: z.enum(["image", "package"]).default("image"),
});
export type ImageRecord = z.infer<typeof ImageRecord>;

/**
 * What an image of a WIM becomes: a whole GPT disk that UEFI starts, a whole MBR disk that a BIOS starts, or an NTFS volume
 * for a partition that a task sequence makes.
 */
export const WimForm = z.enum(["disk", "disk-mbr", "volume"]);
export type WimForm = z.infer<typeof WimForm>;

/**
 * POST /images: `path` is on the site's machine; one that is not absolute is below the folder that the site imports from,
 * and who does not hold the token of the data folder may name no other. Answers 202 with an ImportState; poll
 * GET /imports/:id, or GET /imports, which has all that go on and the last that ended.
 */
export const ImportRequest = z.object({
  path: z.string().min(1).max(4096),
  name: Name.optional(),
  /** Without it the file's extension decides; a file that is not of that format is refused. */
  format: ImageFormat.optional(),
  /** Of a WIM: which of its images. Needed where it holds several. */
  index: z.int().min(1).optional(),
  /** Of a WIM: what it becomes. "disk" by default. */
  as: WimForm.optional(),
  /** Of a WIM that becomes "disk" or "volume": logical sectors of the disks that it is for. 512 by default. */
  sectorBytes: z.union([z.literal(512), z.literal(4096)]).optional(),
  /** Whether it is cast encrypted. False by default. */
  encrypt: z.boolean().optional(),
});
export type ImportRequest = z.infer<typeof ImportRequest>;

/** POST /importable: an upload becomes a file of the folder that images are imported from; none there is overwritten. */
export const ImportableRequest = z.object({ uploadId: Identifier, fileName: FileName });

/** GET /importable: the folder that images are imported from (volley site --import-folder), and what is in it. */
export const Importable = z.object({
  folder: z.string(),
  /** By name, at most importableMost. A folder is one of Clonezilla's or FOG's, and has no size. */
  files: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(["file", "folder"]),
      bytes: ByteCount.nullable(),
      changed: Time,
    }),
  ),
});
export type Importable = z.infer<typeof Importable>;

/** POST /images/:id/multicast and POST /packages/:packageId/multicast: sessions that are open go on as they began. */
export const MulticastRequest = z.object({ multicast: MulticastUse });
export type MulticastRequest = z.infer<typeof MulticastRequest>;
/** POST /images/:id/encryption and POST /packages/:packageId/encryption: as above. */
export const EncryptionRequest = z.object({ encrypt: z.boolean() });

/** An image in a WIM, as the WIM describes it. */
export const WimEdition = z.object({
  /** From 1. */
  index: z.int(),
  name: z.string(),
  /** "Professional"; empty where it says nothing, as in a WIM of no Windows. */
  edition: z.string(),
  /** "10.0.22621.1"; empty as above. */
  version: z.string(),
  architecture: z.enum(["x86", "amd64", "arm64"]).nullable(),
  /** "en-US"; the default one first. */
  languages: z.array(z.string()),
  /** Of its files, each once. */
  bytes: ByteCount,
  entries: z.int(),
  sysprep: z.enum(["generalised", "not generalised", "unknown"]),
});
export type WimEdition = z.infer<typeof WimEdition>;
export const ImportState = z.object({
  id: Identifier,
  /** The image's, once it is there. */
  name: z.string(),
  began: Time,
  state: z.enum(["running", "done", "failed"]),
  bytesDone: ByteCount,
  bytesTotal: ByteCount,
  image: ImageRecord.nullable(),
  /** What a WIM holds; empty until it was looked at, and for other images. */
  editions: z.array(WimEdition),
  error: z.object({ code: z.string(), detail: z.string(), remedy: z.string() }).nullable(),
});
export type ImportState = z.infer<typeof ImportState>;

/** POST /images/:id/verify answers 202 with this; poll GET /verifications/:id, or GET /verifications for all. */
export const VerificationState = z.object({
  id: Identifier,
  began: Time,
  imageId: Identifier,
  state: z.enum(["running", "done", "failed"]),
  bytesDone: ByteCount,
  bytesTotal: ByteCount,
  /** Whether the manifest is what this site signed; null until that is known. */
  signed: z.boolean().nullable(),
  /** Chunks whose stored bytes are not what the manifest says. */
  badChunks: z.array(z.int().min(0)),
  error: z.object({ code: z.string(), detail: z.string(), remedy: z.string() }).nullable(),
});
export type VerificationState = z.infer<typeof VerificationState>;

/** POST /credentials: the token is answered once and stored only as a hash. */
export const CredentialRequest = z.object({
  uses: z.int().min(1).max(100_000),
  validHours: z.number().min(0.01).max(8760),
  /** Whether who enrols with it is approved by that; else a device that the site does not know waits for approval. */
  approves: z.boolean().default(true),
});
export type CredentialRequest = z.input<typeof CredentialRequest>;
export const CredentialAnswer = z.object({ id: Identifier, credential: z.string(), expires: Time });
export type CredentialAnswer = z.infer<typeof CredentialAnswer>;

/**
 * What is done with a machine that is slower than its session. "disconnect": one that verifies fewer megabits of image a
 * second than `leastMbps`, over a quarter of a minute in which the session sent more, is moved to unicast, or out
 * (E_TOO_SLOW) where the deployment is by multicast only. "multistream": one that takes less than two thirds of what its
 * stream brings the others, and is held back by itself, is moved to a slower multicast stream, of which there are at most
 * as many, the first one included, as `streams` says.
 */
export const SlowClients = z.discriminatedUnion("policy", [
  z.object({ policy: z.literal("none") }),
  z.object({ policy: z.literal("disconnect"), leastMbps: z.number().min(0.1).max(400_000) }),
  z.object({ policy: z.literal("multistream"), streams: z.int().min(2).max(3) }),
]);
export type SlowClients = z.infer<typeof SlowClients>;

/**
 * POST /deployments. `machines` "all" = every enrolled machine, also those that enrol later. It names an image, a task
 * sequence, or both: then the sequence applies the image where its steps say so.
 */
export const DeploymentRequest = z.object({
  name: Name,
  imageId: Identifier.nullable().default(null),
  sequenceId: Identifier.nullable().default(null),
  /** "held": the version that `sequenceId` names. "latest": each new one from its upload on, for machines that begin then. */
  sequenceVersion: z.enum(["held", "latest"]).optional(),
  /** Other sequences that it may run as its children: machines may fetch these too. */
  children: z.array(Identifier).max(100).optional(),
  /** What machines may fetch for the sequence. */
  packages: PackageList.default("all"),
  /** No answer has them but the one to the machines. */
  variables: SequenceVariables.default([]),
  /** Identifiers of enrolled machines; empty where a collection is named. */
  machines: z.union([z.literal("all"), z.array(Identifier).max(65_536)]).default([]),
  /** In the place of machines: whoever is a member when it asks. */
  collectionId: Identifier.nullable().optional(),
  /** No machine begins before `starts`, nor after `expires`; what was begun goes on. */
  starts: Time.nullable().optional(),
  expires: Time.nullable().optional(),
  /** Its boundary, in CIDR notation: machines with other addresses have nothing to do. None: everywhere. */
  subnets: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .max(limits.deploymentSubnets)
    .optional(),
  /** Where a high risk has to be confirmed: what POST /deployments/preview says. */
  confirm: Name.optional(),
  disk: DiskRule.default({ removable: false }),
  unattended: z.boolean().default(false),
  /** Whether a machine that boots from the network asks a person first ("available") or not. */
  purpose: z.enum(["available", "required"]).default("available"),
  multicast: z.boolean().default(true),
  /** As Configuration Manager's "by multicast only": nothing is fetched by unicast, and the site serves none. */
  multicastOnly: z.boolean().default(false),
  /** Megabits per second on the wire; 0 = what most machines take. */
  rateMbps: z.number().min(0).max(400_000).default(0),
  slowClients: SlowClients.default({ policy: "none" }),
  /** Its machines are switched on by Wake-on-LAN when it begins. */
  wake: z.boolean().optional(),
});
export type DeploymentRequest = z.infer<typeof DeploymentRequest>;
export const DeploymentRecord = DeploymentRequest.omit({ variables: true, confirm: true }).extend({
  id: Identifier,
  created: Time,
  /** The account or token that made it; empty where that was not kept. */
  createdBy: z.string().optional(),
  open: z.boolean(),
  /** When it woke its machines: see GET /deployments/:id/wake. */
  woken: Time.nullable().optional(),
});
export type DeploymentRecord = z.infer<typeof DeploymentRecord>;

/** What a machine failed with. */
const ErrorSaid = z.object({ code: z.string(), detail: z.string(), remedy: z.string() });
export const MachineState = z.enum(["enrolled", "planned", "working", "succeeded", "failed"]);
export type MachineState = z.infer<typeof MachineState>;

/** How many machines are where with a deployment: those that were given it and, while it is open, those that are to be. */
export const DeploymentCounts = z.object({
  done: z.int(),
  failed: z.int(),
  running: z.int(),
  waiting: z.int(),
});
export type DeploymentCounts = z.infer<typeof DeploymentCounts>;
/** GET /deployments. */
export const ListedDeployment = DeploymentRecord.extend({ counts: DeploymentCounts });
export type ListedDeployment = z.infer<typeof ListedDeployment>;
/** GET /deployments/:id/machines: how far each machine is in that deployment, whatever it did afterwards. By name. */
export const DeploymentMachine = z.object({
  id: Identifier,
  name: z.string(),
  state: MachineState,
  /** Why it failed. */
  error: ErrorSaid.nullable(),
  /** What it told last. */
  notice: z.string(),
  outcome: Outcome.nullable(),
  /** When it told that; null: it was not given the deployment yet. */
  updated: Time.nullable(),
});
export type DeploymentMachine = z.infer<typeof DeploymentMachine>;
export const MachineRecord = z.object({
  id: Identifier,
  facts: MachineFacts,
  enrolled: Time,
  lastSeen: Time,
  deploymentId: Identifier.nullable(),
  state: MachineState,
  plan: Plan.nullable(),
  progress: Progress.nullable(),
  /** Of the task sequence that it runs, as far as it has told since the site was started. */
  step: RunningStep.nullable().optional(),
  outcome: Outcome.nullable(),
  error: ErrorSaid.nullable(),
  notice: z.string(),
});
export type MachineRecord = z.infer<typeof MachineRecord>;

/**
 * Why a session ended: its machines are done, none of them told anything any more, its deployment was closed, its sender
 * failed or could not be opened, it did not go on after a restart of the site, or it ended before that was written down.
 */
export const EndReason = z.enum([
  "done",
  "silent",
  "deployment-closed",
  "sender-failed",
  "not-opened",
  "not-resumed",
  "unknown",
]);
export type EndReason = z.infer<typeof EndReason>;
export const SessionEnd = z.object({ reason: EndReason, detail: z.string(), time: Time });
export type SessionEnd = z.infer<typeof SessionEnd>;

export const SessionRecord = z.object({
  id: Identifier,
  /** Null: machines download a shared package, for another program's task sequence. */
  deploymentId: Identifier.nullable(),
  imageName: Name,
  /** 0 for a deployment's first session; slower machines have further ones beside it. */
  stream: z.int(),
  encrypted: z.boolean().optional(),
  group: z.string(),
  port: Port,
  start: z.int(),
  state: z.enum(["casting", "idle", "closed"]),
  machines: z.int(),
  rateBytesPerSecond: z.number(),
  multicastBytes: z.number(),
  unicastBytes: z.number(),
  parityPart: z.number(),
  /**
   * What keeps the site from sending faster: the rate of the deployment, the network to most machines, the machine that
   * sets the pace (its own progress says by what), or the site's computer. "nothing": it finds its rate, or is idle.
   */
  limit: z.enum(["nothing", "policy", "network", "machine", "site"]),
  limitingMachineId: Identifier.nullable(),
  /**
   * Machines that were moved, and why: by the rule for slow ones to unicast, out, or into this stream; as long as they lack
   * more than repair allows, to unicast or, where there is none, "behind" the others.
   */
  moved: z.array(
    z.object({
      machineId: Identifier,
      reason: z.string(),
      to: z.enum(["unicast", "out", "stream", "behind"]),
    }),
  ),
  root: HexRoot,
  /** The distribution point in another building that casts it; none: the site itself. */
  point: Name.optional(),
  /** Null while it is open. */
  end: SessionEnd.nullable(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

/** What a backup is sealed under; it is nowhere else. */
export const BackupRequest = z.object({
  passphrase: z.string().min(limits.passwordCharactersLeast).max(limits.backupPassphraseCharactersMost),
});

/** GET /health: to anyone, so it says no more than what a person there needs to know. */
export const Health = z.object({ state: z.enum(["ok", "impaired"]), trouble: ErrorAnswer.nullable() });
export type Health = z.infer<typeof Health>;
