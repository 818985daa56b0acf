/** Devices: listed, told of by hand or by CSV, approved and refused, and their variables. */
import {
  DeviceAddition,
  DeviceStateRequest,
  type DeviceRequest,
  type DeviceState,
} from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { DeviceVariablesChange, type SequenceVariable } from "../../contract/sequence.ts";
import { previewOfArrivals, requireArrivalsConfirmation, type Arrival } from "./collection-guard.ts";
import type { ApiContext } from "./context.ts";
import { importDevices, previewImport } from "./device-import.ts";
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
  /** One that is known is refused when it is added, and changes nothing. */
  const added = async (wanted: DeviceRequest): Promise<Arrival[]> =>
    (await devices.known(wanted)) === null ? [{ device: await devices.approvedAs(wanted) }] : [];
  const approved = async (id: string, state: DeviceState): Promise<Arrival[]> => {
    const device = (await devices.list()).find((one) => one.id === id);
    return device === undefined || state !== "approved" ? [] : [{ device: { ...device, state } }];
  };
  const stateOf = ({ request }: Call) => ({
    id: identifierOf(request, "device"),
    ...parse(DeviceStateRequest, request.body),
  });
  return [
    { method: "GET", path: "/devices", who: "viewer", handle: () => devices.list() },
    {
      method: "POST",
      path: "/devices",
      who,
      handle: async ({ request, reply }) => {
        const { confirm, ...wanted } = parse(DeviceAddition, request.body);
        await requireArrivalsConfirmation(await added(wanted), confirm, context);
        const device = await devices.add(wanted);
        reply.code(201);
        return device;
      },
    },
    {
      method: "POST",
      path: "/devices/preview",
      who,
      audited: false,
      handle: async ({ request }) =>
        previewOfArrivals(await added(parse(DeviceAddition, request.body)), context),
    },
    { method: "POST", path: "/devices/import", who, handle: (call) => importDevices(call, context) },
    {
      method: "POST",
      path: "/devices/import/preview",
      who,
      audited: false,
      handle: (call) => previewImport(call, context),
    },
    {
      method: "POST",
      path: "/devices/:id/state",
      who,
      whenFull: true,
      handle: async (call) => {
        const { confirm, id, state } = stateOf(call);
        await requireArrivalsConfirmation(await approved(id, state), confirm, context);
        return await devices.setState(id, state);
      },
    },
    {
      method: "POST",
      path: "/devices/:id/state/preview",
      who,
      audited: false,
      handle: async (call) => {
        const { id, state } = stateOf(call);
        return await previewOfArrivals(await approved(id, state), context);
      },
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
