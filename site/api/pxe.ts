/** How machines that boot from the network are answered. */
import { VolleyError } from "../../contract/errors.ts";
import {
  PxeClearRequest,
  PxePropertiesChange,
  type PxeClearAnswer,
  type PxeStatus,
} from "../../contract/pxe.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function pxeRoutes({ pxe, pxeServing, log }: ApiContext): Route[] {
  const who = "operator";
  return [
    {
      method: "GET",
      path: "/pxe",
      who: "viewer",
      handle: (): PxeStatus => ({
        serving: pxeServing(),
        properties: pxe.properties,
        asked: pxe.asked,
      }),
    },
    {
      method: "POST",
      path: "/pxe/properties",
      who: "administrator",
      handle: async ({ request }) => {
        const change = parse(PxePropertiesChange, request.body);
        const served = pxeServing()?.interfaces.map(({ name }) => name);
        const strange = change.interfaces?.find((name) => served !== undefined && !served.includes(name));
        if (strange !== undefined) {
          const detail = `The site was not started with --pxe ${strange}, but with ${served?.join(", ")}.`;
          throw new VolleyError("E_PXE_INTERFACE", detail);
        }
        log.info(`PXE properties are changed: ${Object.keys(change).join(", ")}`);
        return await pxe.change(change);
      },
    },
    {
      method: "POST",
      path: "/pxe/clear",
      who,
      handle: async ({ request }): Promise<PxeClearAnswer> => {
        const { machines } = parse(PxeClearRequest, request.body);
        return { cleared: await pxe.clear(machines) };
      },
    },
  ];
}
