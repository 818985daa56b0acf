/** Task sequences and packages at a site, and what a machine that runs a sequence keeps there. */
import { z } from "zod";
import { ByteCount, HexKey, Identifier, MulticastUse, Name, Time } from "./common.ts";
import { limits } from "./limits.ts";

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** The last part of a path. */
export const FileName = z
  .string()
  .max(200)
  .regex(/^(?!\.{1,2}$)[^/\\\p{Cc}]+$/u);
/** As sequences refer to it: "PS100012". Compared without regard to case. */
export const PackageId = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/);

/**
 * POST /uploads, by a machine or the administrator: begins to bring a file. Then PUT /uploads/:id/:offset with
 * at most filePieceBytes as application/octet-stream, in order; a piece that came already is taken again. A site that
 * was started anew does not know the upload any more (E_NOT_FOUND): begin again. The upload is used up by the request
 * that names it, and only by who brought it.
 */
export const UploadRequest = z.object({ bytes: z.int().min(1).max(limits.uploadBytesMost), hash: Sha256 });
export type UploadRequest = z.infer<typeof UploadRequest>;
export const UploadState = z.object({ id: Identifier, received: ByteCount });
export type UploadState = z.infer<typeof UploadState>;

/**
 * POST /sequences, by the administrator. One of a known name is its next version: deployments hold the version they were made
 * with, unless they take the latest. What the agent cannot read is refused with E_SEQUENCE_UNREADABLE.
 */
export const SequenceRequest = z.object({
  name: Name,
  /** By which other sequences run it (Run Task Sequence), beside its name. Without one a version has the last one's. */
  packageId: PackageId.nullable().default(null),
  fileName: FileName,
  uploadId: Identifier,
});
export type SequenceRequest = z.infer<typeof SequenceRequest>;
export const SequenceFacts = z.object({
  id: Identifier,
  name: Name,
  /** In upper case. */
  packageId: PackageId.nullable(),
  fileName: FileName,
  bytes: ByteCount,
  hash: Sha256,
});
export type SequenceFacts = z.infer<typeof SequenceFacts>;
/** GET /sequences: the latest version of each; with ?versions=all every one. */
export const SequenceQuery = z.object({ versions: z.enum(["latest", "all"]).default("latest") });
export const SequenceRecord = SequenceFacts.extend({
  added: Time,
  /** From 1. */
  version: z.int().min(1),
  latest: z.boolean(),
});
export type SequenceRecord = z.infer<typeof SequenceRecord>;

const Support = z.enum(["real", "adapted", "unsupported", "unknown"]);
const systems = { winpe: Support, linuxpe: Support, windows: Support, linux: Support };
/** One step, as `volley-agent sequence check --json` says it. */
export const CheckedStep = z.looseObject({
  /** Names of the groups around it, with "/" between. */
  path: z.string(),
  name: z.string(),
  type: z.string(),
  line: z.int(),
  disabled: z.boolean(),
  continueOnError: z.boolean().default(false),
  /** Groups around it, and its own condition in words: both said since there are `groups`. */
  depth: z.int().default(0),
  condition: z.string().default(""),
  packages: z.array(z.string()),
  support: z.object(systems),
  /** For every system whose word is not "real". */
  reasons: z.partialRecord(z.enum(["winpe", "linuxpe", "windows", "linux"]), z.string()),
});
export type CheckedStep = z.infer<typeof CheckedStep>;
export const CheckedGroup = z.looseObject({
  name: z.string(),
  depth: z.int(),
  line: z.int(),
  disabled: z.boolean(),
  continueOnError: z.boolean(),
  condition: z.string(),
  /** How many steps stand before it. */
  before: z.int(),
});
export type CheckedGroup = z.infer<typeof CheckedGroup>;
const CheckedSequence = z.looseObject({
  format: z.string(),
  name: z.string(),
  steps: z.array(CheckedStep),
  groups: z.array(CheckedGroup).default([]),
  /** What it refers to. */
  packages: z.array(z.looseObject({ id: z.string(), needed: z.boolean().optional() })),
  problems: z.array(z.object({ line: z.int(), severity: z.enum(["error", "warning"]), text: z.string() })),
});
/** All of `volley-agent sequence check --json`. Children are those of an archive. */
export const SequenceCheck = CheckedSequence.extend({ children: z.array(CheckedSequence).optional() });
export type SequenceCheck = z.infer<typeof SequenceCheck>;
/** GET /sequences/:id. */
export const SequenceDetail = SequenceRecord.extend({
  /** The agent's check, made when it was uploaded. */
  check: SequenceCheck.nullable(),
  /** Why there is none; empty where there is one. */
  unchecked: z.string(),
  /** Deployments that use this version. */
  deployments: z.array(Name),
});
export type SequenceDetail = z.infer<typeof SequenceDetail>;

/**
 * GET /deployments/:id/children, by a machine: sequences that the deployment's own may run as its children. Then
 * GET /deployments/:id/children/:sequenceId/:offset, a piece of one's file.
 */
export const SequenceChildren = z.array(SequenceFacts);

/** What installs a package, as steps name it. Success codes other than 0, 1641 and 3010 are not known. */
export const PackageProgram = z.object({ name: Name, commandLine: z.string().min(1).max(8000) });
export type PackageProgram = z.infer<typeof PackageProgram>;

/**
 * POST /packages, by the administrator. "folder": the upload is a gzipped tar archive of the package's files. "file":
 * one file, a WIM for example. "image": a block image of the site, under the identifier by which sequences name it.
 */
export const PackageRequest = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("folder"),
    packageId: PackageId,
    name: Name,
    uploadId: Identifier,
    /** Of a package of drivers: Auto Apply Drivers looks through it. */
    driverCategory: Name.nullable().default(null),
    programs: z.array(PackageProgram).max(100).default([]),
    /** Left out: "allowed" from packageCastBytesLeast on, "no" for what is smaller. */
    multicast: MulticastUse.optional(),
    encrypt: z.boolean().default(false),
  }),
  z.object({
    kind: z.literal("file"),
    packageId: PackageId,
    name: Name,
    fileName: FileName,
    uploadId: Identifier,
    multicast: MulticastUse.optional(),
    encrypt: z.boolean().default(false),
  }),
  z.object({ kind: z.literal("image"), packageId: PackageId, imageId: Identifier }),
]);
export type PackageRequest = z.infer<typeof PackageRequest>;
/**
 * GET /deployments/:id/packages/:packageId and GET /deployments/:id/applications/:name, by a machine that may fetch it:
 * an application is a package with a program, by the package's name in any case.
 */
export const PackageFacts = z.object({
  packageId: PackageId,
  name: Name,
  kind: z.enum(["folder", "file", "image"]),
  /** Of a "file". */
  fileName: FileName.nullable(),
  /** Of the archive or file; of an image, of the disk that it is. */
  bytes: ByteCount,
  /** Null for an image, which has a manifest. */
  hash: Sha256.nullable(),
  /**
   * Of an image, or of what is cast in the place of the archive or file: its bytes, and zeros up to a whole sector. Null
   * where nothing is cast, or not yet.
   */
  imageId: Identifier.nullable(),
  /** Of an archive or file; of an image, the image says it. */
  multicast: MulticastUse.default("no"),
  encrypt: z.boolean().default(false),
  programs: z.array(PackageProgram),
});
export type PackageFacts = z.infer<typeof PackageFacts>;
export const PackageRecord = PackageFacts.extend({
  driverCategory: Name.nullable(),
  added: Time,
  /** Every enrolled machine may fetch it, whatever its deployments are. */
  shared: z.boolean(),
});
export type PackageRecord = z.infer<typeof PackageRecord>;

/**
 * POST /packages/:packageId/shared, by the administrator. Then GET /shared-packages/:packageId answers PackageFacts to any
 * enrolled machine, and GET /shared-packages/:packageId/:offset some bytes from there on. With an imageId it is cast, for all
 * who ask for it so: GET /shared-packages/:packageId/image answers ImageFacts, POST …/join and POST …/progress are as a
 * deployment's (contract/deployment.ts, contract/report.ts); progress that says "done" or "failed" ends a machine's part.
 */
export const SharedRequest = z.object({ shared: z.boolean() });

/** GET /deployments/:id/packages/:packageId/image: ImageFacts of contract/deployment.ts, of a package with an imageId. */

/**
 * POST /deployments/:id/drivers, by a machine: the packages of drivers that it may fetch and that have a driver for one of
 * its devices; one whose INF files the site has not read yet is among them.
 */
export const PnpIdentifier = z.string().min(1).max(limits.pnpIdentifierCharacters);
export const DriverQuestion = z.object({
  identifiers: z.array(PnpIdentifier).max(limits.pnpIdentifiersMost),
});
export type DriverQuestion = z.infer<typeof DriverQuestion>;

/** GET /drivers?identifier=…: the drivers of the site for a device, by one of its identifiers, or all. */
export const DriverQuery = z.object({ identifier: PnpIdentifier.optional() });
export const DriverRecord = z.object({
  packageId: PackageId,
  /** In the package. */
  path: z.string(),
  provider: z.string(),
  className: z.string(),
  date: z.string(),
  version: z.string(),
  /** How many of them. */
  identifiers: z.int(),
});
export type DriverRecord = z.infer<typeof DriverRecord>;

export const DriverPackage = z.object({ packageId: PackageId, name: Name, category: Name });
export type DriverPackage = z.infer<typeof DriverPackage>;
export const DriverPackages = z.array(DriverPackage);

/**
 * Set before a deployment's task sequence begins. A hidden value is a secret: it is answered to machines of the
 * deployment alone, and shown nowhere. GET /deployments/:id/variables, by a machine.
 */
const VariableName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,255}$/);
export const SequenceVariable = z.object({
  name: VariableName,
  value: z.string().max(4000),
  hidden: z.boolean().default(false),
});
export type SequenceVariable = z.infer<typeof SequenceVariable>;
export const SequenceVariables = z.array(SequenceVariable).max(1000);

/**
 * POST /machines/:id/variables, by the administrator: the device's own variables, all of them, which count over those of
 * a deployment. GET there answers them to a watcher, hidden ones with an empty value; to the machine itself
 * GET /deployments/:id/machines/me/variables answers them as they are.
 */
export const DeviceVariables = z.object({ variables: SequenceVariables });
export type DeviceVariables = z.infer<typeof DeviceVariables>;
/** Of a device or a collection: hidden values are answered to nobody, so what is to stay is named. */
export const DeviceVariablesChange = DeviceVariables.extend({
  /** Names of variables that stay as they are, beside `variables`. */
  keep: z.array(VariableName).max(1000).default([]),
});
export type DeviceVariablesChange = z.infer<typeof DeviceVariablesChange>;

/**
 * The package in which a site keeps the agent for Windows, of kind "file" and in upper case: every machine that runs a
 * task sequence may fetch it, since the step Setup Windows puts it into the Windows that was applied.
 */
export const windowsAgentPackage = "VOLLEY-AGENT-WINDOWS";

/** What a deployment lets its machines fetch, beside the agent for Windows. */
export const PackageList = z.union([z.literal("all"), z.array(PackageId).max(1000)]);
export type PackageList = z.infer<typeof PackageList>;

/**
 * Bytes of files, at most filePieceBytes from an offset as application/octet-stream: GET …/sequence/:offset,
 * …/packages/:packageId/:offset and …/state/:offset, all below /deployments/:id and by a machine of the deployment.
 */

/**
 * POST /deployments/:id/machines/me/key: the key of this machine's run of the deployment. Its secrets are encrypted
 * under it wherever the run's checkpoint is kept. The same key each time; never logged.
 */
export const RunKey = z.object({ key: HexKey });

/**
 * PUT, GET and DELETE /deployments/:id/machines/me/checkpoint: the run's checkpoint, at most checkpointBytesMost. One
 * that is older than what the site has of the same run changes nothing, so that a repeated request does no harm.
 */
export const RunCheckpoint = z.looseObject({ runId: z.string().max(100), serial: z.int().min(0) });
export type RunCheckpoint = z.infer<typeof RunCheckpoint>;
export const RunCheckpointAnswer = z.object({ checkpoint: z.unknown() });

/**
 * POST /deployments/:id/machines/me/captured: an image that this machine captured. A WIM becomes a package of kind
 * "file" with a new identifier; any other image is imported, and the answer's packageId is null. The
 * same upload again is answered as it was the first time.
 */
export const CapturedRequest = z.object({
  name: Name,
  description: z.string().max(limits.reportTextCharacters),
  fileName: FileName,
  uploadId: Identifier,
});
export type CapturedRequest = z.infer<typeof CapturedRequest>;
export const CapturedAnswer = z.object({ packageId: PackageId.nullable() });
export type CapturedAnswer = z.infer<typeof CapturedAnswer>;

/**
 * POST /deployments/:id/machines/me/state: asks for the machine's place for user state, "capture" with a key
 * that is fresh until something was stored, or "restore" what was last stored in it (E_NOT_FOUND without that). PUT there
 * stores an upload. DELETE says that it is back: it stays for stateStoreDays after that, and before it without end.
 * DELETE /machines/:id/state is an administrator's, and forgets it at once.
 */
export const StateRequest = z.object({ purpose: z.enum(["capture", "restore"]) });
export const StateAnswer = z.object({
  /** Of what is stored: the agent encrypts it. */
  key: HexKey,
  stored: z
    .object({
      bytes: ByteCount,
      hash: Sha256,
      /** It was brought back since. */
      restored: z.boolean(),
    })
    .nullable(),
});
export type StateAnswer = z.infer<typeof StateAnswer>;
/** GET /machines/:id/state, by people: what the site keeps of a machine's users' files, never the files or their key. */
export const KeptState = z.object({
  /** Null: nothing. */
  kept: z.object({ bytes: ByteCount, restored: z.boolean(), expires: Time.nullable() }).nullable(),
});
export type KeptState = z.infer<typeof KeptState>;
export const StateStored = z.object({ uploadId: Identifier });
