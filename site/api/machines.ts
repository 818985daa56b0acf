/** Machines: every one that is enrolled and how far it is, and the variables that its device and collections have. */
import { VolleyError } from "../../contract/errors.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { DeviceVariablesChange, type SequenceVariable } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";
import { mergeVariables, openVariables, keepVariables, shownVariables } from "./secret-variables.ts";

export function machineRoutes(context: ApiContext): Route[] {
  const { room, store, vault } = context;
  const find = async ({ request }: Call): Promise<DeviceRecord> => {
    const id = identifierOf(request, "machine");
    const device = await store.devices.ofMachine(id);
    if (device === undefined) throw new VolleyError("E_NOT_FOUND", `There is no machine ${id}.`);
    return device;
  };
  return [
    { method: "GET", path: "/machines", who: "viewer", handle: () => room.machines() },
    {
      method: "GET",
      path: "/machines/:id/variables",
      who: "viewer",
      handle: async (call) => shownVariables((await store.devices.variables((await find(call)).id)) ?? []),
    },
    {
      method: "POST",
      path: "/machines/:id/variables",
      who: "operator",
      handle: async (call) => {
        const { id } = await find(call);
        return keepVariables(id, parse(DeviceVariablesChange, call.request.body), context);
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/machines/me/variables",
      who: "machine",
      handle: async (call): Promise<SequenceVariable[]> => {
        const { deployment, machineId } = await deploymentOf(call, store);
        if (!deployment.open) {
          throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} is closed.`);
        }
        const device = await store.devices.ofMachine(machineId);
        if (device === undefined) return [];
        // By name, but the one that is deployed to counts over the others, and the device over all of them.
        const collections = (await store.collections.of(device)).toSorted(
          (one, other) =>
            Number(one.id === deployment.collectionId) - Number(other.id === deployment.collectionId),
        );
        const lists: SequenceVariable[][] = [];
        for (const { id } of collections) lists.push(await store.collections.variables(id));
        const own = (await store.devices.variables(device.id)) ?? [];
        return openVariables(vault, mergeVariables(...lists, own));
      },
    },
  ];
}
