/** The catalogue of drivers: packages of drivers, by the devices that their INF files are for. */
import { DriverQuery, DriverQuestion, type DriverPackage } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { mayFetch } from "./sequence-runs.ts";
import { deploymentOf } from "./participation.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function driverRoutes({ store }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/drivers",
      who: "viewer",
      handle: ({ request }) => store.drivers.list(parse(DriverQuery, request.query).identifier),
    },
    {
      method: "POST",
      path: "/deployments/:id/drivers",
      who: "machine",
      whenFull: true,
      handle: async (call): Promise<DriverPackage[]> => {
        const { deployment } = await deploymentOf(call, store);
        const { identifiers } = parse(DriverQuestion, call.request.body);
        const fitting = await store.drivers.packagesFor(identifiers);
        return (await store.packages.list()).flatMap(({ driverCategory: category, name, packageId }) =>
          category !== null && fitting.has(packageId) && mayFetch(deployment, packageId)
            ? [{ packageId, name, category }]
            : [],
        );
      },
    },
  ];
}
