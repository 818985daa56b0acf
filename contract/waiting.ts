/** Sessions that wait to start, as scheduled multicast has it. */
import { z } from "zod";
import { Identifier, Name, Time } from "./common.ts";
import { limits } from "./limits.ts";

/** What whoever casts knows of a session that waits: machines by their identifiers alone. */
export const WaitTold = z.object({
  deploymentId: Identifier,
  imageId: Identifier,
  firstRequest: Time,
  /** When it starts however few are there. */
  startsAt: Time,
  minimumClients: z.int(),
  /** Machines that asked, and ask still. */
  present: z.array(Identifier).max(limits.pointProgress),
  /** It starts with the next machine that asks. */
  released: z.boolean(),
});
export type WaitTold = z.infer<typeof WaitTold>;

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
  /** The distribution point in another building where it waits; none: the site itself. */
  point: Name.optional(),
});
export type WaitingSession = z.infer<typeof WaitingSession>;

/** POST /deployments/:id/start, by an operator: what waits of the deployment starts with the next machine that asks. */
export const StartAnswer = z.object({ started: z.int() });
export type StartAnswer = z.infer<typeof StartAnswer>;
