/** GET /machines: every enrolled machine and how far it is. */
import type { ApiContext } from "./context.ts";
import type { Route } from "./routes.ts";

export function machineRoutes({ room }: ApiContext): Route[] {
  return [{ method: "GET", path: "/machines", who: "watcher", handle: () => room.machines() }];
}
