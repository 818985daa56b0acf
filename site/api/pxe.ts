/** How machines that boot from the network are answered. */
import { VolleyError } from "../../contract/errors.ts";
import {
  PxeClearRequest,
  PxeComputerRequest,
  PxeComputerState,
  PxePropertiesChange,
  type PxeClearAnswer,
  type PxeStatus,
} from "../../contract/pxe.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse, type Route } from "./routes.ts";

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
    { method: "GET", path: "/pxe/computers", who: "viewer", handle: () => pxe.computers() },
    {
      method: "POST",
      path: "/pxe/computers",
      who,
      handle: async ({ request, reply }) => {
        const computer = await pxe.add(parse(PxeComputerRequest, request.body));
        reply.code(201);
        return computer;
      },
    },
    {
      method: "POST",
      path: "/pxe/computers/:id/state",
      who,
      handle: ({ request }) =>
        pxe.setState(identifierOf(request, "computer"), parse(PxeComputerState, request.body).state),
    },
    {
      method: "DELETE",
      path: "/pxe/computers/:id",
      who,
      handle: ({ request }) => pxe.remove(identifierOf(request, "computer")),
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
