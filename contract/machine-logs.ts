/**
 * The end of a machine's smsts.log, for who looks why something failed: brought by the agent when a deployment fails on it and
 * when the site asks for it, kept as long as status messages, the newest of each machine and deployment.
 *
 * PUT /deployments/:id/machines/me/log, by a machine: at most logTailBytes as application/octet-stream, records as CMTrace
 * reads them, the first of which is whole. Secrets are blacked out by the agent.
 *
 * POST /machines/:id/log asks for it: the machine hears of it with its next report, progress or policy (LogWanted).
 */
import { z } from "zod";
import { Identifier, Time } from "./common.ts";

/** GET /logs: what is kept, the newest first. */
export const KeptLog = z.object({
  machineId: Identifier,
  deploymentId: Identifier,
  received: Time,
  /** Empty for what was removed. */
  machine: z.string(),
  deployment: z.string(),
});
export type KeptLog = z.infer<typeof KeptLog>;

/** GET /machines/:id/log: that of a deployment, else the newest. */
export const LogQuery = z.object({ deploymentId: Identifier.optional() });
export const MachineLog = z.object({ deploymentId: Identifier, received: Time, text: z.string() });
export type MachineLog = z.infer<typeof MachineLog>;
