/** Devices as people name them. */
import type { DeviceRecord } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";

/** By identifier, UUID, MAC or name. Throws E_NOT_FOUND, E_CONFLICT. */
export async function findDevice(client: SiteClient, given: string): Promise<DeviceRecord> {
  const wanted = given.toLowerCase();
  const mac = wanted.replaceAll("-", ":");
  const devices = await client.get<DeviceRecord[]>("/devices");
  const found = devices.filter(
    (one) =>
      one.id === wanted ||
      one.machineId === wanted ||
      one.uuid === wanted ||
      one.mac === mac ||
      one.name === given ||
      one.facts?.name === given,
  );
  const [device] = found;
  if (!device) throw new VolleyError("E_NOT_FOUND", `There is no device ${given}.`);
  if (found.length > 1) {
    throw new VolleyError("E_CONFLICT", `${found.length} devices are ${given}: say which by identifier.`);
  }
  return device;
}
