/** Devices and collections that are woken, and who did not come when a deployment woke its machines. */
import type { DeviceRecord } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { WakeRequest, type DeploymentWake, type WakeAnswer } from "../../contract/wake.ts";
import { devicesMeant } from "../boot/deployment-wakes.ts";
import { macsOf } from "../boot/magic-packet.ts";
import { isMember } from "../store/collections.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

const nameOf = ({ facts, name }: DeviceRecord): string => facts?.name ?? name;

export function wakeRoutes({ room, store, waker }: ApiContext): Route[] {
  /** Throws E_NO_MAC when it can wake none of them. */
  const wake = async (devices: readonly DeviceRecord[]): Promise<WakeAnswer> => {
    const withMac = devices.filter((device) => macsOf(device).length > 0);
    const withoutMac = devices.filter((device) => macsOf(device).length === 0);
    if (withMac.length === 0) {
      const names = withoutMac.slice(0, 5).map(nameOf).join(", ");
      throw new VolleyError("E_NO_MAC", names === "" ? "There is no device to wake." : `Devices: ${names}.`);
    }
    const interfaces = await waker.wake([...new Set(withMac.flatMap(macsOf))]);
    return {
      woken: withMac.length,
      withoutMac: withoutMac.map((device) => ({ id: device.id, name: nameOf(device) })),
      interfaces,
    };
  };
  return [
    {
      method: "POST",
      path: "/devices/wake",
      who: "operator",
      handle: async ({ request }) => {
        const wanted = new Set(parse(WakeRequest, request.body).devices.map((id) => id.toLowerCase()));
        const found = (await store.devices.list()).filter(({ id }) => wanted.delete(id));
        const [stranger] = wanted;
        if (stranger !== undefined) throw new VolleyError("E_NOT_FOUND", `There is no device ${stranger}.`);
        return await wake(found);
      },
    },
    {
      method: "POST",
      path: "/collections/:id/wake",
      who: "operator",
      handle: async ({ request }) => {
        const id = identifierOf(request, "collection");
        const collection = await store.collections.find(id);
        if (!collection) throw new VolleyError("E_NOT_FOUND", `There is no collection ${id}.`);
        return await wake((await store.devices.list()).filter((device) => isMember(collection, device)));
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/wake",
      who: "viewer",
      handle: async ({ request }): Promise<DeploymentWake> => {
        const id = identifierOf(request, "deployment");
        const deployment = await store.deployments.find(id);
        if (!deployment) throw new VolleyError("E_NOT_FOUND", `There is no deployment ${id}.`);
        const devices = await devicesMeant(store, deployment);
        const woken = deployment.woken ?? null;
        // The room knows sooner than the database.
        const seen = new Map((await room.machines()).map((machine) => [machine.id, machine.lastSeen]));
        const lastSeenOf = ({ machineId }: DeviceRecord) => seen.get(machineId ?? "") ?? null;
        const unseen = devices
          .map((one) => ({
            id: one.id,
            name: nameOf(one),
            hasMac: macsOf(one).length > 0,
            lastSeen: lastSeenOf(one),
          }))
          .filter(({ lastSeen }) => woken !== null && (lastSeen === null || lastSeen < woken));
        return { woken, devices: devices.length, unseen };
      },
    },
  ];
}
