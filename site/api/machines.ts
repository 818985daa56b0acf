/** Machines: every one that is enrolled and how far it is, and the variables that an administrator gives to one. */
import { VolleyError } from "../../contract/errors.ts";
import { DeviceVariables, type SequenceVariable } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { identifierOf, parse, type Call, type Route } from "./routes.ts";

export function machineRoutes({ log, room, store }: ApiContext): Route[] {
  const find = async ({ request }: Call): Promise<{ id: string; variables: SequenceVariable[] }> => {
    const id = identifierOf(request, "machine");
    const variables = await store.machines.variables(id);
    if (variables === undefined) throw new VolleyError("E_NOT_FOUND", `There is no machine ${id}.`);
    return { id, variables };
  };
  const shown = (variables: readonly SequenceVariable[]): DeviceVariables => ({
    variables: variables.map((one) => (one.hidden ? { ...one, value: "" } : one)),
  });
  return [
    { method: "GET", path: "/machines", who: "viewer", handle: () => room.machines() },
    {
      method: "GET",
      path: "/machines/:id/variables",
      who: "viewer",
      handle: async (call) => shown((await find(call)).variables),
    },
    {
      method: "POST",
      path: "/machines/:id/variables",
      who: "operator",
      handle: async (call) => {
        const { id } = await find(call);
        const { variables } = parse(DeviceVariables, call.request.body);
        await store.machines.setVariables(id, variables);
        log.info(`machine ${id} has ${variables.length} variables of its own`);
        return shown(variables);
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
        return (await store.machines.variables(machineId)) ?? [];
      },
    },
  ];
}
