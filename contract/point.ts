/**
 * Distribution points in other buildings: how an administrator tells the site of one, what such a point and its site say to
 * each other, and the ticket that a machine shows there.
 */
import { z } from "zod";
import { DeploymentRecord, ImageRecord, SessionRecord } from "./administration.ts";
import { ByteCount, HexKey, Identifier, Name, Port, Time } from "./common.ts";
import { DistributionPoint, DistributionPointChange } from "./distribution-point.ts";
import { limits } from "./limits.ts";
import { Progress } from "./report.ts";
import { PackageId } from "./sequence.ts";
import { WaitTold } from "./waiting.ts";

const Boundary = z.union([z.cidrv4(), z.cidrv6()]);

/** Whole hours of the point's own clock, from 0 to 24; one that ends before it begins goes over midnight. */
const Hours = z.object({ from: z.int().min(0).max(23), to: z.int().min(1).max(24) });

/** How content comes to a point. */
export const Replication = z.object({
  /** Megabits a second; 0 = what the line carries. */
  rateMbps: z.number().min(0).max(400_000),
  /** Null: at any hour. */
  hours: Hours.nullable(),
});
export type Replication = z.infer<typeof Replication>;

const settings = {
  /** IPv4 address at which machines and nobody else reach it: its certificate is for this one alone. */
  address: z.ipv4(),
  /** Machines with an address in one of these use it. */
  boundaries: z.array(Boundary).max(limits.deploymentSubnets),
  /** Every image of the site is copied to it; else those that are named (POST /images/:id/points). */
  allImages: z.boolean(),
  /** Every package that is cast is; else those that are named (POST /packages/:packageId/points). */
  allPackages: z.boolean(),
  replication: Replication,
};

/** POST /points, by an administrator. */
export const PointRequest = z.strictObject({
  name: Name.regex(/^[^/\s]+$/, "a name without spaces and slashes"),
  address: settings.address,
  boundaries: settings.boundaries,
  allImages: settings.allImages.default(false),
  allPackages: settings.allPackages.default(false),
  replication: settings.replication.default({ rateMbps: 0, hours: null }),
});
export type PointRequest = z.infer<typeof PointRequest>;

/** POST /points/:id: what is not named stays. Another address is another point. */
export const PointChange = z
  .strictObject({
    boundaries: settings.boundaries,
    allImages: settings.allImages,
    allPackages: settings.allPackages,
    replication: Replication.partial(),
    properties: DistributionPointChange,
  })
  .partial();
export type PointChange = z.infer<typeof PointChange>;

/** A package that is to be at a point. */
export const PointPackage = z.object({
  packageId: PackageId,
  /** What is cast in its place; null: nothing is, and machines have it from the site alone. */
  imageId: Identifier.nullable(),
  /** Of that, as it is stored. */
  contentBytes: ByteCount,
});
export type PointPackage = z.infer<typeof PointPackage>;

/** What a point has of an image, or of what is cast in a package's place. */
export const PointImage = z.object({
  imageId: Identifier,
  bytes: ByteCount,
  /** Verified, and cast from there. */
  whole: z.boolean(),
  /** Why it does not go on; empty: it does. */
  trouble: z.string().max(limits.reportTextCharacters),
});
export type PointImage = z.infer<typeof PointImage>;

export const PointRecord = z.object({
  id: Identifier,
  name: Name,
  ...settings,
  properties: DistributionPoint,
  /** Null until it has told. */
  port: Port.nullable(),
  created: Time,
  /** Null: its credential was not used yet. */
  enrolled: Time.nullable(),
  lastSeen: Time.nullable(),
  /** Whether it was heard of just now. */
  here: z.boolean(),
  /** Images that are to be there. */
  images: z.array(Identifier),
  packages: z.array(PointPackage),
  /** As it told last; empty since the site's start until then. The rate is of its last seconds, 0 while nothing comes. */
  holding: z.array(PointImage.extend({ bytesPerSecond: z.number() })),
});
export type PointRecord = z.infer<typeof PointRecord>;

/** POST /points and POST /points/:id/credential: shown this once, for one enrolment. */
export const PointCredential = z.object({ point: PointRecord, credential: z.string(), expires: Time });
export type PointCredential = z.infer<typeof PointCredential>;

/** POST /images/:id/points and /packages/:packageId/points, by an operator: which points it is copied to beside those that take all. */
export const ContentPoints = z.strictObject({
  add: z.array(Identifier).max(limits.pointsMost).default([]),
  remove: z.array(Identifier).max(limits.pointsMost).default([]),
});

/** POST /point/enrol, no authorization: the credential is it. The private key stays where it was made. */
export const PointEnrolRequest = z.object({
  credential: z.string().min(16).max(200),
  /** Of its server certificate, SPKI in PEM: ECDSA P-256. */
  publicKey: z.string().max(1000),
});
export const PointEnrolAnswer = z.object({
  pointId: Identifier,
  name: Name,
  address: z.ipv4(),
  /** From now on `Authorization: Bearer <pointId>.<key>`. */
  key: HexKey,
  /** PEM, for its address, by the site's authority. */
  certificate: z.string().max(10_000),
  /** Ed25519, SPKI in PEM: manifests and tickets are signed with it. */
  manifestKey: z.string().max(1000),
});
export type PointEnrolAnswer = z.infer<typeof PointEnrolAnswer>;

/** POST /point/sync: what goes on there, once a second while something does. */
export const PointSync = z.object({
  port: Port,
  sessions: z.array(SessionRecord).max(limits.pointSessions),
  progress: z
    .array(z.object({ machineId: Identifier, deploymentId: Identifier, progress: Progress }))
    .max(limits.pointProgress),
  images: z.array(PointImage).max(limits.pointImages),
  waits: z.array(WaitTold).max(limits.pointSessions).default([]),
  /** Deployments that it has sessions of, open or waiting. */
  deployments: z.array(Identifier).max(limits.pointSessions),
  /** Its certificate ends soon. */
  renew: z.boolean(),
  /** Whether it can encrypt sessions: one that cannot says nothing, and gets no tickets for what is to be encrypted. */
  encryption: z.boolean().default(false),
  /** Whether it keeps what is cast in the place of packages: one that does not says nothing, and gets none. */
  packages: z.boolean().default(false),
});
export type PointSync = z.infer<typeof PointSync>;

export const PointSyncAnswer = z.object({
  properties: DistributionPoint,
  replication: Replication,
  /** What is to be there, for packages too; other images are removed. */
  images: z.array(ImageRecord),
  /** Of those that were named. */
  closedDeployments: z.array(Identifier),
  /** Whatever waits of these is to start. */
  startDeployments: z.array(Identifier).default([]),
  /** Null unless it was asked for. */
  certificate: z.string().nullable(),
});
export type PointSyncAnswer = z.infer<typeof PointSyncAnswer>;

/** GET /point/images/:id/content/:offset answers at most this many bytes of the content file. */
export const contentPieceBytes = limits.filePieceBytes;

/**
 * What a machine shows a point instead of a key, as `Authorization: Ticket <text>`. The text is base64url of the JSON, a
 * dot, and base64url of the site's signature of the mark and the JSON. So a point asks nobody whether a machine may.
 */
export const Ticket = z.object({
  pointId: Identifier,
  machineId: Identifier,
  machineName: Name,
  /** Machines that the deployment is for. */
  machines: z.int().min(1).max(limits.receiversPerSession),
  deployment: DeploymentRecord.pick({
    id: true,
    name: true,
    multicast: true,
    multicastOnly: true,
    rateMbps: true,
    slowClients: true,
  }),
  /** What the deployment casts. */
  imageIds: z.array(Identifier).max(limits.ticketImages),
  expires: Time,
});
export type Ticket = z.infer<typeof Ticket>;
/** No manifest and no report begins like that. */
export const ticketMark = "volley ticket 1\n";
