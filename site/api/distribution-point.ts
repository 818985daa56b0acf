/** The distribution point's properties, and the sessions that wait by them. */
import { DistributionPointChange, type DistributionPoint } from "../../contract/distribution-point.ts";
import type { WaitingSession } from "../../contract/waiting.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function distributionPointRoutes({ log, properties, room }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/distribution-point",
      who: "viewer",
      handle: (): DistributionPoint => properties.current,
    },
    {
      method: "POST",
      path: "/distribution-point",
      who: "administrator",
      handle: async ({ request }): Promise<DistributionPoint> => {
        const change = parse(DistributionPointChange, request.body);
        const changed = await properties.change(change);
        log.info(`the distribution point's properties are changed: ${Object.keys(change).join(", ")}`);
        room.changed("figures");
        return changed;
      },
    },
    {
      method: "GET",
      path: "/waiting",
      who: "viewer",
      handle: (): Promise<WaitingSession[]> => room.waiting(),
    },
  ];
}
