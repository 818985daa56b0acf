/** Policy, joining a session, and the image as an agent sees it. */
import { z } from "zod";
import { ByteCount, HexKey, HexRoot, Identifier, MulticastUse, Name, Port } from "./common.ts";
import { limits } from "./limits.ts";
import { LogWanted } from "./report.ts";
import { PackageList, SequenceFacts } from "./sequence.ts";

export const ImageFacts = z.object({
  id: Identifier,
  name: Name,
  root: HexRoot,
  bytes: ByteCount,
  contentBytes: ByteCount,
  smallestDiskBytes: ByteCount,
  sectorBytes: z.union([z.literal(512), z.literal(4096)]),
  firmware: z.array(z.enum(["bios", "uefi"])),
  /** Narrows what the deployment allows. */
  multicast: MulticastUse.default("allowed"),
  /** What is cast of it is encrypted: a machine takes it in no other way from a distribution point elsewhere. */
  encrypt: z.boolean().default(false),
});
export type ImageFacts = z.infer<typeof ImageFacts>;

/**
 * Which disk is meant, and what becomes of it. Rules only narrow: the running system's disk and removable disks are always
 * refused.
 */
export const DiskRule = z.object({
  removable: z.boolean().default(false),
  /** A Windows that was put on it whole is grown to the disk, and the disk's identifiers become its own. */
  fit: z.boolean().optional(),
  serial: z.string().max(limits.machineFactsCharacters).optional(),
  leastBytes: ByteCount.optional(),
  mostBytes: ByteCount.optional(),
});
export type DiskRule = z.infer<typeof DiskRule>;

/**
 * GET /policy: what this machine is to do now; deployment null = nothing. With a task sequence the machine runs that, and
 * images and packages are cast as its steps name them (GET /deployments/:id/packages/:packageId/image); without one the image goes onto the disk that the rule means.
 */
export const Policy = LogWanted.extend({
  deployment: z
    .object({
      id: Identifier,
      name: Name,
      image: ImageFacts.nullable(),
      sequence: SequenceFacts.nullable(),
      packages: PackageList,
      disk: DiskRule,
      /** False: a person at the machine has to confirm the plan. True: the deployment says so. */
      unattended: z.boolean(),
      multicast: z.boolean(),
      /** Nothing of the image is fetched by unicast: the deployment fails where multicast does not bring it. */
      multicastOnly: z.boolean(),
      /** The last that this machine told of it is that it failed. */
      failed: z.boolean(),
      /** Distribution points of where this machine is, the nearest first: it joins there, and at the site when none takes it. */
      points: z
        .array(
          z.object({
            name: Name,
            address: z.ipv4(),
            port: Port,
            multicast: z.boolean(),
            /** Secret: see contract/point.ts. */
            ticket: z.string().max(limits.ticketCharacters),
          }),
        )
        .optional(),
    })
    .nullable(),
});
export type Policy = z.infer<typeof Policy>;

/**
 * GET /images/:id/manifest, for a machine whose policy names the image: the manifest file, signature included, as
 * application/octet-stream (docs/PROTOCOL.md 1.1).
 */

/** POST /deployments/:id/join: the session in which the deployment casts that image. */
export const JoinRequest = z.object({
  /** Null: the deployment's own. Else one that a package of its task sequence stands for. */
  imageId: Identifier.nullable().default(null),
  /** Whether the agent knows of earlier work on this disk (it asks for nothing before its scan). */
  resume: z.boolean(),
  /** Whether the agent can take part in an encrypted session. Agents that cannot say nothing, and are refused there. */
  encryption: z.boolean().default(false),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

export const JoinAnswer = z.object({
  session: z.object({
    id: Identifier,
    number: z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
    stream: z.int().min(0).max(65_535),
    key: HexKey,
    group: z.ipv4(),
    port: Port,
    mtu: z.int().min(576).max(9000),
    /** docs/PROTOCOL.md 3.1: symbols, and what is fetched by unicast. */
    encrypted: z.boolean().default(false),
  }),
  receiver: z.object({ number: z.int().min(0).max(limits.receiversPerSession), key: HexKey }),
  /** Where the ports are; absent: at the address by which the agent reaches the site. */
  senderAddress: z.ipv4().optional(),
  feedbackPort: Port,
  /** Null: the site serves none of this by unicast. */
  unicastPort: Port.nullable(),
  groupSize: z.int().min(1).max(limits.receiversPerSession),
});
export type JoinAnswer = z.infer<typeof JoinAnswer>;
