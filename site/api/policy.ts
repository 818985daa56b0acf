/** GET /policy: what a machine is to do now. */
import { ImageFacts, type Policy } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { SequenceFacts } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { pointsFor } from "./point-tickets.ts";
import { machineOf } from "./routes.ts";
import type { Route } from "./route.ts";

export function policyRoutes(context: ApiContext): Route[] {
  const { machineLogs, properties, pxe, store, room } = context;
  return [
    {
      method: "GET",
      path: "/policy",
      who: "machine",
      beforeApproval: true,
      handle: async (call): Promise<Policy> => {
        const machineId = machineOf(call);
        pxe.machineArrives({ id: machineId });
        const deployment = await store.deployments.dueFor(machineId, call.request.ip);
        const asked = machineLogs.takeWanted(machineId);
        if (!deployment) return { deployment: null, ...asked };
        const multicast = deployment.multicast && properties.current.multicast;
        const points = await pointsFor(context, { id: machineId, address: call.request.ip }, deployment);
        const { disk, id, imageId, multicastOnly, name, packages, sequenceId, unattended } = deployment;
        const image = imageId === null ? null : await store.images.find(imageId);
        const sequence =
          sequenceId === null ? null : await store.sequences.heldBy(deployment, machineId, true);
        if (image === undefined || sequence === undefined) {
          throw new VolleyError("E_NOT_FOUND", `What deployment ${name} deploys is not there.`);
        }
        if (await store.deployments.assign(deployment.id, machineId)) room.changed("machines", machineId);
        await store.pxe.noteAsked(deployment.id, machineId);
        const failed = (await store.reports.work(id, machineId))?.state === "failed";
        const what = {
          image: image && ImageFacts.parse(image),
          sequence: sequence && SequenceFacts.parse(sequence),
          packages,
        };
        const paths = { multicast, multicastOnly, ...(points.length > 0 && { points }) };
        return { deployment: { id, name, ...what, disk, unattended, failed, ...paths }, ...asked };
      },
    },
  ];
}
