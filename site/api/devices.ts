/** Devices: listed, told of by hand or by CSV, approved and refused, and their variables. */
import { DeviceRequest, DeviceStateRequest } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { DeviceVariablesChange, type SequenceVariable } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { importDevices } from "./device-import.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";
import { keepVariables, shownVariables } from "./secret-variables.ts";

export function deviceRoutes(context: ApiContext): Route[] {
  const { devices, store } = context;
  const who = "operator";
  const find = async ({ request }: Call): Promise<{ id: string; variables: SequenceVariable[] }> => {
    const id = identifierOf(request, "device");
    const variables = await store.devices.variables(id);
    if (variables === undefined) throw new VolleyError("E_NOT_FOUND", `There is no device ${id}.`);
    return { id, variables };
  };
  return [
    { method: "GET", path: "/devices", who: "viewer", handle: () => devices.list() },
    {
      method: "POST",
      path: "/devices",
      who,
      handle: async ({ request, reply }) => {
        const device = await devices.add(parse(DeviceRequest, request.body));
        reply.code(201);
        return device;
      },
    },
    { method: "POST", path: "/devices/import", who, handle: (call) => importDevices(call, context) },
    {
      method: "POST",
      path: "/devices/:id/state",
      who,
      whenFull: true,
      handle: ({ request }) =>
        devices.setState(identifierOf(request, "device"), parse(DeviceStateRequest, request.body).state),
    },
    {
      method: "DELETE",
      path: "/devices/:id",
      who,
      handle: ({ request }) => devices.remove(identifierOf(request, "device")),
    },
    {
      method: "GET",
      path: "/devices/:id/variables",
      who: "viewer",
      handle: async (call) => shownVariables((await find(call)).variables),
    },
    {
      method: "POST",
      path: "/devices/:id/variables",
      who,
      handle: async (call) => {
        const { id } = await find(call);
        return keepVariables(id, parse(DeviceVariablesChange, call.request.body), context);
      },
    },
  ];
}
