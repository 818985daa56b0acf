/** Devices: listed, told of by hand or by CSV, approved and refused, and their variables. */
import {
  DeviceRequest,
  DeviceStateRequest,
  ImportDevices,
  type DeviceRecord,
  type ImportDevicesAnswer,
} from "../../contract/devices.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { DeviceVariablesChange, type SequenceVariable } from "../../contract/sequence.ts";
import { parseCsv } from "../csv.ts";
import type { ApiContext } from "./context.ts";
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

const columns = ["name", "uuid", "mac", "collection"];

/** A line that says what is no device is an error before anything is added; one that is known is left out. */
async function importDevices({ request }: Call, context: ApiContext): Promise<ImportDevicesAnswer> {
  const [head, ...rows] = parseCsv(parse(ImportDevices, request.body).csv);
  const names = (head ?? []).map((name) => name.toLowerCase());
  const wrong = names.find((name) => !columns.includes(name));
  if (!names.includes("name") || wrong !== undefined) {
    const detail = `csv: the first line names the columns, of ${columns.join(", ")}; name is needed.`;
    throw new VolleyError("E_REQUEST_INVALID", detail);
  }
  const wanted = rows.map((cells, index) => {
    const said = Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""]));
    const filled = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== ""));
    const parsed = DeviceRequest.safeParse(filled);
    if (parsed.success) return { line: index + 2, device: parsed.data, collection: said["collection"] ?? "" };
    const { message, path } = parsed.error.issues[0] ?? { message: "not understood", path: [] };
    throw new VolleyError("E_REQUEST_INVALID", `csv: entry ${index + 1}: ${path.join(".")} ${message}.`);
  });
  const answer: ImportDevicesAnswer = { added: 0, skipped: [] };
  const members = new Map<string, string[]>();
  for (const { collection, device, line } of wanted) {
    try {
      const added = await context.devices.add(device);
      answer.added += 1;
      if (collection !== "") members.set(collection, [...(members.get(collection) ?? []), added.id]);
    } catch (error) {
      const { code, detail } = toVolleyError(error);
      if (code !== "E_CONFLICT") throw error;
      answer.skipped.push({ line, reason: detail });
    }
  }
  for (const [name, devices] of members) await putInto(context, name, devices);
  if (members.size > 0) context.room.changed("devices");
  return answer;
}

async function putInto({ store }: ApiContext, name: string, devices: DeviceRecord["id"][]): Promise<void> {
  const found = (await store.collections.list()).find((one) => one.name === name);
  if (found === undefined) await store.collections.create({ name, devices, rule: null });
  else await store.collections.change(found.id, { add: devices });
}
