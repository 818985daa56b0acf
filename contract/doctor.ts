/**
 * An examination: a machine asks the site for a little test multicast, to find out what stands between it and a
 * session. docs/PROTOCOL.md has the datagrams; contract/doctor-datagram.ts makes and reads them.
 */
import { z } from "zod";
import { HexKey, Identifier, Port } from "./common.ts";
import { limits } from "./limits.ts";

/**
 * POST /examinations, by a machine: opens one, in place of the machine's last. E_DOCTOR_BUSY when too many are open.
 * It ends at POST /examinations/:id/close, when nothing was asked for doctorIdleMs, or after doctorLifeMs.
 */
export const Examination = z.object({
  id: Identifier,
  /** Of the tags of its datagrams, in both directions. */
  key: HexKey,
  /** Where test datagrams are sent. */
  group: z.ipv4(),
  port: Port,
  /** UDP port of the site; what it takes there, it sends back. */
  echoPort: Port,
  /** Where that is; absent: at the address by which the machine reaches the site. */
  echoAddress: z.ipv4().optional(),
  /** The address that multicast comes from. */
  castAddress: z.ipv4(),
  timeToLive: z.int().min(1).max(255),
  /** Largest IP packet of the site's sessions, bytes. */
  mtu: z.int().min(576).max(9000),
});
export type Examination = z.infer<typeof Examination>;

/** POST /examinations/:id/bursts: is answered when the burst is out. */
export const BurstRequest = z.object({
  /** Of whole IP packets, headers included; taken in turn. */
  packetBytes: z.array(z.int().min(limits.doctorPacketBytesLeast).max(9000)).min(1).max(32),
  packets: z.int().min(1).max(limits.doctorBurstPackets),
  /** Of IP packets. Above doctorGentleMbps: E_DOCTOR_BUSY when the site has no more to spare for it. */
  rateMbps: z.number().min(0.1).max(limits.doctorMbps),
});
export type BurstRequest = z.infer<typeof BurstRequest>;

export const BurstAnswer = z.object({
  /** What its datagrams carry. */
  burst: z.int().min(1),
  /** Datagrams that the site's system took, and those that it refused. */
  sent: z.int().min(0),
  refused: z.int().min(0),
  /** The system's word for the first refusal; empty without one. */
  refusal: z.string().max(100),
  elapsedMs: z.number().min(0),
});
export type BurstAnswer = z.infer<typeof BurstAnswer>;

/** GET /examinations/:id: what has reached the site by UDP. */
export const EchoCounts = z.object({
  arrived: z.int().min(0),
  /** IP packet size of the largest. */
  largestPacketBytes: z.int().min(0),
});
export type EchoCounts = z.infer<typeof EchoCounts>;
