/** The properties of a site's distribution point: how it casts, when a session starts, and how many it serves. */
import { z } from "zod";
import { SlowClients } from "./administration.ts";
import { limits } from "./limits.ts";

const settings = {
  /** Off: what is deployed goes by unicast, and a deployment by multicast only is refused. */
  multicast: z.boolean(),
  /** Multicast groups of sessions, ADDRESS/BITS. */
  groupRange: z.string().max(limits.nameCharacters),
  /** UDP ports of sessions and TCP ports of their unicast, FIRST-LAST. */
  portRange: z.string().max(limits.nameCharacters),
  /** Machines that are served at once, over all sessions; 0 = no limit but that of a session. */
  maximumClients: z.int().min(0).max(limits.receiversPerSession),
  /** No session sends faster, in megabits a second on the wire; 0 = what its deployment says. */
  rateMbps: z.number().min(0).max(400_000),
  /** On: a session starts with its minimum size or after its start delay, whichever comes first. Off: with the first machine. */
  scheduled: z.boolean(),
  /** From the first machine that asks. */
  startDelayMinutes: z.int().min(1).max(limits.startDelayMinutesMost),
  minimumClients: z.int().min(1).max(limits.receiversPerSession),
  /** Of deployments that say nothing else. */
  slowClients: SlowClients,
  /** On: every session is encrypted. Off: those of images and packages that are marked so. */
  encrypt: z.boolean(),
};

/** Of versions that had no encryption nothing is said of it. */
export const DistributionPoint = z.object({ ...settings, encrypt: settings.encrypt.default(false) });
export type DistributionPoint = z.infer<typeof DistributionPoint>;

/** POST /distribution-point, by an administrator: what is not named stays. Answers DistributionPoint, as GET does. */
export const DistributionPointChange = z.strictObject(settings).partial();
export type DistributionPointChange = z.infer<typeof DistributionPointChange>;
