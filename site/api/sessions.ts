/** GET /sessions: the open multicast sessions, and the last closed ones; those of points in other buildings after them. */
import type { SessionRecord } from "../../contract/administration.ts";
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";

export function sessionRoutes({ director, remotePoints }: ApiContext): Route[] {
  const sessions = (): SessionRecord[] => [...director.records(), ...remotePoints.sessions()];
  return [{ method: "GET", path: "/sessions", who: "viewer", handle: sessions }];
}
