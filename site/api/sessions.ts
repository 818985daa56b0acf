/** GET /sessions: the open multicast sessions, and the last closed ones. */
import type { ApiContext } from "./context.ts";
import type { Route } from "./routes.ts";

export function sessionRoutes({ director }: ApiContext): Route[] {
  return [{ method: "GET", path: "/sessions", who: "viewer", handle: () => director.records() }];
}
