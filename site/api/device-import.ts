/** Devices told of by a CSV file, and put into the collections that it names. */
import {
  DeviceRequest,
  ImportDevices,
  type DeploymentPreview,
  type DeviceRecord,
  type ImportDevicesAnswer,
} from "../../contract/devices.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { parseCsv } from "../csv.ts";
import { previewOfArrivals, requireArrivalsConfirmation, type Arrival } from "./collection-guard.ts";
import type { ApiContext } from "./context.ts";
import type { Call } from "./route.ts";
import { parse } from "./routes.ts";

const columns = ["name", "uuid", "mac", "collection"];

interface Entry {
  line: number;
  device: DeviceRequest;
  /** Empty for none. */
  collection: string;
}

/** A line that says what is no device is an error before anything is added; one that is known is added to its collection alone. */
export async function importDevices({ request }: Call, context: ApiContext): Promise<ImportDevicesAnswer> {
  const { confirm, csv } = parse(ImportDevices, request.body);
  const wanted = entriesOf(csv);
  // Before anything is added, so that what is refused can be sent again.
  await requireArrivalsConfirmation(await arrivalsOf(wanted, context), confirm, context);
  const answer: ImportDevicesAnswer = { added: 0, skipped: [] };
  const members = new Map<string, string[]>();
  for (const { collection, device, line } of wanted) {
    const put = ({ id }: DeviceRecord): void => {
      if (collection !== "") members.set(collection, [...(members.get(collection) ?? []), id]);
    };
    try {
      put(await context.devices.add(device));
      answer.added += 1;
    } catch (error) {
      const { code, detail } = toVolleyError(error);
      if (code !== "E_CONFLICT") throw error;
      const known = await context.devices.known(device);
      if (known !== null) put(known);
      const into = known !== null && collection !== "" ? collection : null;
      const reason = into === null ? detail : `${detail} It is in collection ${into} now.`;
      answer.skipped.push({ line, reason, collection: into });
    }
  }
  for (const [name, devices] of members) await putInto(context, name, devices);
  if (members.size > 0) context.room.changed("devices");
  return answer;
}

function entriesOf(csv: string): Entry[] {
  const [head, ...rows] = parseCsv(csv);
  const names = (head ?? []).map((name) => name.toLowerCase());
  const wrong = names.find((name) => !columns.includes(name));
  if (!names.includes("name") || wrong !== undefined) {
    const detail = `csv: the first line names the columns, of ${columns.join(", ")}; name is needed.`;
    throw new VolleyError("E_REQUEST_INVALID", detail);
  }
  return rows.map((cells, index) => {
    const said = Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""]));
    const filled = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== ""));
    const parsed = DeviceRequest.safeParse(filled);
    if (parsed.success) return { line: index + 2, device: parsed.data, collection: said["collection"] ?? "" };
    const { message, path } = parsed.error.issues[0] ?? { message: "not understood", path: [] };
    throw new VolleyError("E_REQUEST_INVALID", `csv: entry ${index + 1}: ${path.join(".")} ${message}.`);
  });
}

/** What would be: a computer that is known stays as it is. */
async function arrivalsOf(wanted: readonly Entry[], { devices }: ApiContext): Promise<Arrival[]> {
  return await Promise.all(
    wanted.map(async ({ collection, device }) => ({
      collection,
      device: (await devices.known(device)) ?? (await devices.approvedAs(device)),
    })),
  );
}

/** What the file would do to open deployments. */
export async function previewImport({ request }: Call, context: ApiContext): Promise<DeploymentPreview> {
  const { csv } = parse(ImportDevices, request.body);
  return await previewOfArrivals(await arrivalsOf(entriesOf(csv), context), context);
}

async function putInto({ store }: ApiContext, name: string, devices: DeviceRecord["id"][]): Promise<void> {
  const found = (await store.collections.list()).find((one) => one.name === name);
  if (found === undefined) await store.collections.create({ name, devices, rule: null });
  else await store.collections.change(found.id, { add: devices });
}
