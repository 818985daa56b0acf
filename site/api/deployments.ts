/** Deployments: made, listed and closed by the administrator, joined and reported on by machines. */
import { DeploymentRequest, type DeploymentRecord } from "../../contract/administration.ts";
import { JoinRequest, type JoinAnswer } from "../../contract/deployment.ts";
import { DeploymentClear, type DeploymentPreview } from "../../contract/devices.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import { VolleyError } from "../../contract/errors.ts";
import { Progress, RunningStep, type ProgressAnswer } from "../../contract/report.ts";
import type { StartAnswer } from "../../contract/waiting.ts";
import type { ApiContext } from "./context.ts";
import { listedDeployments, machinesOf } from "./deployment-results.ts";
import { previewOf, requireConfirmation } from "./guards.ts";
import { deploymentOf, senderOf } from "./participation.ts";
import { sealVariables } from "./secret-variables.ts";
import { identifierOf, machineOf, parse, personOf } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function deploymentRoutes(context: ApiContext): Route[] {
  return [...administration(context), ...participation(context)];
}

function administration(context: ApiContext): Route[] {
  const { store, director, properties, remotePoints, room, vault } = context;
  const find = async ({ request }: Call): Promise<DeploymentRecord> => {
    const id = identifierOf(request, "deployment");
    const deployment = await store.deployments.find(id);
    if (!deployment) throw new VolleyError("E_NOT_FOUND", `There is no deployment ${id}.`);
    return deployment;
  };
  const close = async ({ id }: DeploymentRecord): Promise<void> => {
    await store.deployments.close(id);
    await director.closeDeployment(id);
  };
  return [
    { method: "GET", path: "/deployments", who: "viewer", handle: () => listedDeployments(store) },
    { method: "GET", path: "/deployments/:id", who: "viewer", handle: find },
    {
      method: "GET",
      path: "/deployments/:id/machines",
      who: "viewer",
      handle: async (call) => machinesOf(store, await find(call)),
    },
    {
      method: "POST",
      path: "/deployments",
      who: "operator",
      handle: async (call) => {
        const { reply, request } = call;
        const asked = parse(DeploymentRequest, request.body);
        const { confirm, ...wanted } = withPolicy(asked, request.body, properties.current);
        checkPaths(wanted);
        await findWhat(store, wanted);
        await findWhom(store, wanted);
        if ((await store.deployments.list()).some((deployment) => deployment.name === wanted.name)) {
          throw new VolleyError("E_CONFLICT", `There is a deployment of the name ${wanted.name}.`);
        }
        await requireConfirmation({ ...wanted, confirm }, context);
        const variables = sealVariables(vault, wanted.variables);
        const deployment = await store.deployments.create({ ...wanted, variables }, personOf(call).name);
        room.changed("deployments");
        reply.code(201);
        return deployment;
      },
    },
    {
      method: "POST",
      path: "/deployments/preview",
      who: "operator",
      audited: false,
      handle: async ({ request }): Promise<DeploymentPreview> => {
        const wanted = parse(DeploymentRequest, request.body);
        await findWhom(store, wanted);
        return await previewOf(wanted, context);
      },
    },
    {
      method: "POST",
      path: "/deployments/:id/clear",
      who: "operator",
      handle: async (call) => {
        const deployment = await find(call);
        const { confirm, machines } = parse(DeploymentClear, call.request.body);
        // All of a deployment's are those that it is for.
        const meant = machines === "all" ? {} : { machines, collectionId: null };
        await requireConfirmation({ ...deployment, ...meant, confirm }, context);
        const cleared = await store.deployments.clear(deployment.id, machines);
        room.changed("machines");
        return { cleared };
      },
    },
    {
      method: "POST",
      path: "/deployments/:id/start",
      who: "operator",
      handle: async (call): Promise<StartAnswer> => {
        const deployment = await find(call);
        const here = await director.waiting.startNow(deployment.id, Date.now());
        return { started: here + remotePoints.startNow(deployment.id) };
      },
    },
    {
      method: "POST",
      path: "/deployments/:id/close",
      who: "operator",
      whenFull: true,
      handle: async (call) => {
        const deployment = await find(call);
        await close(deployment);
        room.changed("deployments");
        return { ...deployment, open: false };
      },
    },
    {
      method: "DELETE",
      path: "/deployments/:id",
      who: "operator",
      handle: async (call) => {
        const deployment = await find(call);
        await close(deployment);
        await store.deployments.remove(deployment.id);
        director.forget(deployment.id);
        room.changed("deployments");
        room.changed("machines");
      },
    },
  ];
}

/** What is done with slow machines is the distribution point's matter where the request says nothing of it. */
function withPolicy(wanted: DeploymentRequest, body: unknown, point: DistributionPoint): DeploymentRequest {
  const says = typeof body === "object" && body !== null && "slowClients" in body;
  const has = point.slowClients.policy !== "multistream" || wanted.multicast;
  return says || !has ? wanted : { ...wanted, slowClients: point.slowClients };
}

/** Throws E_REQUEST_INVALID when what is without multicast asks for some. */
function checkPaths({ multicast, multicastOnly, slowClients }: DeploymentRequest): void {
  if (multicast) return;
  if (multicastOnly) throw new VolleyError("E_REQUEST_INVALID", "multicastOnly: there is no multicast.");
  if (slowClients.policy === "multistream") {
    throw new VolleyError("E_REQUEST_INVALID", "slowClients: without multicast there are no streams.");
  }
}

/** Throws E_REQUEST_INVALID where it is for nobody or for two, or ends before it begins, E_NOT_FOUND for who is not there. */
async function findWhom(store: ApiContext["store"], wanted: DeploymentRequest): Promise<void> {
  const { collectionId = null, expires, machines, starts } = wanted;
  if ((machines !== "all" && machines.length === 0) === (collectionId === null)) {
    throw new VolleyError("E_REQUEST_INVALID", "machines: it is to machines or to a collection.");
  }
  if (expires && Date.parse(expires) <= Math.max(Date.now(), starts ? Date.parse(starts) : 0)) {
    throw new VolleyError("E_REQUEST_INVALID", "expires: it would end before it begins.");
  }
  if (collectionId !== null && !(await store.collections.find(collectionId))) {
    throw new VolleyError("E_NOT_FOUND", `There is no collection ${collectionId}.`);
  }
  const known = new Set((await store.machines.keys()).map((machine) => machine.id));
  const stranger = machines === "all" ? undefined : machines.find((id) => !known.has(id));
  if (stranger) throw new VolleyError("E_NOT_FOUND", `There is no machine ${stranger}.`);
}

/** Throws E_REQUEST_INVALID when there is nothing to deploy, E_NOT_FOUND for what is not there. */
async function findWhat(store: ApiContext["store"], wanted: DeploymentRequest): Promise<void> {
  const { children = [], imageId, sequenceId } = wanted;
  if (imageId === null && sequenceId === null) {
    throw new VolleyError("E_REQUEST_INVALID", "imageId: an image or a task sequence is deployed, or both.");
  }
  const image = imageId === null ? null : await store.images.find(imageId);
  if (image !== null && image?.purpose !== "image") {
    throw new VolleyError("E_NOT_FOUND", `There is no image ${imageId}.`);
  }
  if (image?.multicast === "only" && !wanted.multicast) {
    throw new VolleyError("E_REQUEST_INVALID", `multicast: image ${image.name} is by multicast only.`);
  }
  if (sequenceId !== null && !(await store.sequences.find(sequenceId))) {
    throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${sequenceId}.`);
  }
  for (const child of children) {
    if (!(await store.sequences.find(child))) {
      throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${child}.`);
    }
  }
}

function participation(context: ApiContext): Route[] {
  const { director, machineLogs, room, store } = context;
  return [
    {
      method: "POST",
      path: "/deployments/:id/join",
      who: "machine",
      handle: async (call): Promise<JoinAnswer> => {
        const { machineId, deployment } = await deploymentOf(call, store);
        const { encryption, imageId, resume } = parse(JoinRequest, call.request.body);
        const wanted = imageId ?? deployment.imageId;
        if (!deployment.open) {
          throw new VolleyError("E_SESSION_GONE", `Deployment ${deployment.name} is closed.`);
        }
        if (wanted === null) {
          throw new VolleyError("E_CONFLICT", `Deployment ${deployment.name} casts no image of its own.`);
        }
        if (!(await store.deployments.imagesOf(deployment)).has(wanted)) {
          throw new VolleyError(
            "E_FORBIDDEN",
            `Deployment ${deployment.name} does not cast image ${wanted}.`,
          );
        }
        if (await store.deployments.assign(deployment.id, machineId)) room.changed("machines", machineId);
        const joined = await director.join(machineId, deployment, { encryption, imageId: wanted, resume });
        return { ...joined, ...senderOf(call, context) };
      },
    },
    {
      method: "POST",
      path: "/deployments/:id/progress",
      who: "machine",
      whenFull: true,
      handle: async (call): Promise<ProgressAnswer> => {
        const machineId = machineOf(call);
        const id = identifierOf(call.request, "deployment");
        // Every machine calls this every second: who takes part already was looked up when it joined.
        if (!director.takesPart(machineId, id)) await deploymentOf(call, store);
        const progress = parse(Progress, call.request.body);
        room.progressed(machineId, id, progress);
        const answer = director.progress(machineId, id, progress);
        return { ...answer, ...senderOf(call, context), ...machineLogs.takeWanted(machineId) };
      },
    },
    {
      method: "POST",
      path: "/deployments/:id/step",
      who: "machine",
      whenFull: true,
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        room.atStep(machineId, deployment.id, parse(RunningStep, call.request.body));
      },
    },
  ];
}
