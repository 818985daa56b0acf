/** What goes on, as the page is told of it. */
import { z } from "zod";
import { DeploymentRecord, ImageRecord, MachineRecord, SessionRecord } from "./administration.ts";
import { Time } from "./common.ts";
import { PointRecord } from "./point.ts";
import { WaitingSession } from "./waiting.ts";

/** GET /events, server-sent: event "room", data this, at most four a second, only when something changed. */
export const Room = z.object({
  time: Time,
  sessions: z.array(SessionRecord),
  waiting: z.array(WaitingSession),
  machines: z.array(MachineRecord),
  deployments: z.array(DeploymentRecord),
  images: z.array(ImageRecord),
  /** In other buildings. */
  points: z.array(PointRecord),
  /** Another number whenever GET /devices or GET /collections answers otherwise than before, but for when one was seen. */
  devicesRevision: z.int(),
});
export type Room = z.infer<typeof Room>;
