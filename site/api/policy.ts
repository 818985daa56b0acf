/** GET /policy: what a machine is to do now. */
import { ImageFacts, type Policy } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { ApiContext } from "./context.ts";
import { machineOf, type Route } from "./routes.ts";

export function policyRoutes({ store, room }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/policy",
      who: "machine",
      handle: async (call): Promise<Policy> => {
        const machineId = machineOf(call);
        const deployment = await store.deployments.dueFor(machineId);
        if (!deployment) return { deployment: null };
        const image = await store.images.find(deployment.imageId);
        if (!image) {
          throw new VolleyError("E_NOT_FOUND", `The image of deployment ${deployment.name} is not there.`);
        }
        if (await store.deployments.assign(deployment.id, machineId)) room.changed("machines");
        const { id, name, disk, unattended, multicast } = deployment;
        return { deployment: { id, name, image: ImageFacts.parse(image), disk, unattended, multicast } };
      },
    },
  ];
}
