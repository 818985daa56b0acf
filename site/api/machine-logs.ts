/** Machines' logs: brought by them, asked for and read by people. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { LogQuery, type KeptLog, type MachineLog } from "../../contract/machine-logs.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function machineLogRoutes({ machineLogs, room, store }: ApiContext): Route[] {
  return [
    {
      method: "PUT",
      path: "/deployments/:id/machines/me/log",
      who: "machine",
      bodyBytesMost: limits.logTailBytes,
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const { body } = call.request;
        if (!Buffer.isBuffer(body)) {
          throw new VolleyError("E_REQUEST_INVALID", "A log comes as application/octet-stream.");
        }
        machineLogs.keep({ machineId, deploymentId: deployment.id }, body);
      },
    },
    {
      method: "GET",
      path: "/logs",
      who: "viewer",
      handle: async (): Promise<KeptLog[]> => {
        const [machines, deployments] = await Promise.all([room.machines(), store.deployments.list()]);
        const machineNames = new Map(machines.map(({ facts, id }) => [id, facts.name]));
        const deploymentNames = new Map(deployments.map(({ id, name }) => [id, name]));
        return machineLogs.list().map((kept) => ({
          ...kept,
          machine: machineNames.get(kept.machineId) ?? "",
          deployment: deploymentNames.get(kept.deploymentId) ?? "",
        }));
      },
    },
    {
      method: "GET",
      path: "/machines/:id/log",
      who: "viewer",
      handle: ({ request }): MachineLog => {
        const id = identifierOf(request, "machine");
        const found = machineLogs.read(id, parse(LogQuery, request.query).deploymentId);
        if (found === undefined) throw new VolleyError("E_NOT_FOUND", "No such log has come.");
        return found;
      },
    },
    {
      method: "POST",
      path: "/machines/:id/log",
      who: "operator",
      audited: false,
      handle: async ({ request }) => {
        const id = identifierOf(request, "machine");
        const machine = (await room.machines()).find((one) => one.id === id);
        if (machine === undefined) throw new VolleyError("E_NOT_FOUND", `There is no machine ${id}.`);
        if (machine.deploymentId === null) {
          throw new VolleyError("E_CONFLICT", `${machine.facts.name} has had no deployment yet.`);
        }
        machineLogs.ask(id, machine.deploymentId);
      },
    },
  ];
}
