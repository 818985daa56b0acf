/** Wake-on-LAN: computers that are switched off are switched on by the site. */
import { z } from "zod";
import { Identifier, Time } from "./common.ts";
import { limits } from "./limits.ts";

/** POST /devices/wake. POST /collections/:id/wake takes no body: it is for whoever is a member. */
export const WakeRequest = z.object({ devices: z.array(Identifier).min(1).max(limits.collectionDevices) });
export const WakeAnswer = z.object({
  /** Devices that magic packets were sent to. Nothing says whether one heard them but that it is seen. */
  woken: z.int(),
  /** Those that no packet can be sent to. */
  withoutMac: z.array(z.object({ id: Identifier, name: z.string() })),
  /** The site's network interfaces that the packets left by. */
  interfaces: z.array(z.string()),
});
export type WakeAnswer = z.infer<typeof WakeAnswer>;

/** GET /deployments/:id/wake: who did not come when a deployment woke its machines. */
export const DeploymentWake = z.object({
  /** Null: not yet, or it wakes nobody. */
  woken: Time.nullable(),
  devices: z.int(),
  /** Not seen since; empty before it. */
  unseen: z.array(
    z.object({ id: Identifier, name: z.string(), hasMac: z.boolean(), lastSeen: Time.nullable() }),
  ),
});
export type DeploymentWake = z.infer<typeof DeploymentWake>;
