/** Sessions that wait to start, as scheduled multicast has it. */
import { z } from "zod";
import { Identifier, Name, Time } from "./common.ts";

/** GET /waiting: an image of a deployment whose session waits for its minimum size or its time. */
export const WaitingSession = z.object({
  deploymentId: Identifier,
  deploymentName: Name,
  imageId: Identifier,
  firstRequest: Time,
  /** When it starts however few are there. */
  startsAt: Time,
  minimumClients: z.int(),
  /** Machines that asked, and ask still. */
  present: z.array(Name),
  /** Machines that the deployment is for, that are not done with it, and that have not asked: the first of them by name. */
  missing: z.array(Name),
  missingCount: z.int(),
});
export type WaitingSession = z.infer<typeof WaitingSession>;

/** POST /deployments/:id/start, by an operator: what waits of the deployment starts with the next machine that asks. */
export const StartAnswer = z.object({ started: z.int() });
export type StartAnswer = z.infer<typeof StartAnswer>;
