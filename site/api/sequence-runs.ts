/** What a machine that runs a deployment's task sequence fetches and keeps here (contract/sequence.ts). */
import type { DeploymentRecord } from "../../contract/administration.ts";
import { ImageFacts } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  PackageFacts,
  PackageId,
  RunCheckpoint,
  SequenceFacts,
  type SequenceVariable,
  windowsAgentPackage,
} from "../../contract/sequence.ts";
import { newKey } from "../authority/secrets.ts";
import type { StoredPackage } from "../store/packages.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { openVariables } from "./secret-variables.ts";
import { offsetOf, parse, sendBytes } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function sequenceRunRoutes(context: ApiContext): Route[] {
  return [...contentRoutes(context), ...checkpointRoutes(context)];
}

function contentRoutes({ files, packageContents, store, vault }: ApiContext): Route[] {
  const findPackage = async (call: Call): Promise<StoredPackage> => {
    const { deployment } = await deploymentOf(call, store);
    const packageId = parse(PackageId, (call.request.params as { packageId: string }).packageId);
    if (!mayFetch(deployment, packageId)) {
      const what = `Deployment ${deployment.name} does not give out package ${packageId}.`;
      throw new VolleyError("E_FORBIDDEN", what);
    }
    const found = await store.packages.find(packageId);
    if (!found) throw new VolleyError("E_NOT_FOUND", `The site has no package ${packageId}.`);
    return found;
  };
  return [
    {
      method: "GET",
      path: "/deployments/:id/sequence/:offset",
      who: "machine",
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const sequence = await store.sequences.heldBy(deployment, machineId, false);
        if (!sequence) {
          throw new VolleyError("E_NOT_FOUND", `Deployment ${deployment.name} has no task sequence.`);
        }
        return sendBytes(call, await files.read(sequence.id, offsetOf(call.request)));
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/children",
      who: "machine",
      handle: async (call): Promise<SequenceFacts[]> => {
        const { deployment } = await deploymentOf(call, store);
        return (await store.sequences.childrenOf(deployment.id)).map((one) => SequenceFacts.parse(one));
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/children/:sequenceId/:offset",
      who: "machine",
      handle: async (call) => {
        const { deployment } = await deploymentOf(call, store);
        const { sequenceId } = call.request.params as { sequenceId: string };
        const child = (await store.sequences.childrenOf(deployment.id)).find(({ id }) => id === sequenceId);
        if (!child) {
          throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} does not run that as a child.`);
        }
        return sendBytes(call, await files.read(child.id, offsetOf(call.request)));
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/variables",
      who: "machine",
      handle: async (call): Promise<SequenceVariable[]> => {
        const { deployment } = await deploymentOf(call, store);
        if (!deployment.open) {
          throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} is closed.`);
        }
        return openVariables(vault, await store.deployments.variables(deployment.id));
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/applications/:name",
      who: "machine",
      handle: async (call) => {
        const { deployment } = await deploymentOf(call, store);
        const { name } = call.request.params as { name: string };
        const found = (await store.packages.list()).find(
          (one) => one.programs.length > 0 && one.name.toLowerCase() === name.toLowerCase(),
        );
        if (!found || !mayFetch(deployment, found.packageId)) {
          throw new VolleyError("E_NOT_FOUND", `Deployment ${deployment.name} has no application ${name}.`);
        }
        return PackageFacts.parse(found);
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/packages/:packageId",
      who: "machine",
      handle: async (call) => {
        const found = await findPackage(call);
        packageContents.checkReady(found);
        return PackageFacts.parse(found);
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/packages/:packageId/image",
      who: "machine",
      handle: async (call): Promise<ImageFacts> => {
        const { imageId, packageId } = await findPackage(call);
        const image = imageId === null ? undefined : await store.images.find(imageId);
        if (!image) throw new VolleyError("E_CONFLICT", `Package ${packageId} is not cast.`);
        return ImageFacts.parse(image);
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/packages/:packageId/:offset",
      who: "machine",
      handle: async (call) => {
        const { fileId, multicast, packageId } = await findPackage(call);
        if (fileId === null) {
          throw new VolleyError("E_CONFLICT", `Package ${packageId} is an image, which is cast.`);
        }
        if (multicast === "only") {
          throw new VolleyError("E_FORBIDDEN", `Package ${packageId} is by multicast only.`);
        }
        return sendBytes(call, await files.read(fileId, offsetOf(call.request)));
      },
    },
  ];
}

/** Whether the deployment gives the package out. */
export function mayFetch({ packages, sequenceId }: DeploymentRecord, packageId: string): boolean {
  const wanted = packageId.toUpperCase();
  const isNamed = packages === "all" || packages.some((one) => one.toUpperCase() === wanted);
  return sequenceId !== null && (isNamed || wanted === windowsAgentPackage);
}

function checkpointRoutes({ store }: ApiContext): Route[] {
  const path = "/deployments/:id/machines/me/checkpoint";
  return [
    {
      method: "POST",
      path: "/deployments/:id/machines/me/key",
      who: "machine",
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        if (!deployment.open || deployment.sequenceId === null) {
          throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} runs no task sequence now.`);
        }
        return { key: await store.sequenceRuns.key(deployment.id, machineId, newKey()) };
      },
    },
    {
      method: "GET",
      path,
      who: "machine",
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const json = await store.sequenceRuns.checkpoint(deployment.id, machineId);
        return { checkpoint: json === undefined ? null : JSON.parse(json) };
      },
    },
    {
      method: "PUT",
      path,
      who: "machine",
      bodyBytesMost: limits.checkpointBytesMost,
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const checkpoint = parse(RunCheckpoint, call.request.body);
        const json = JSON.stringify(checkpoint);
        const { runId, serial } = checkpoint;
        // A run without secrets has not asked for its key.
        await store.sequenceRuns.key(deployment.id, machineId, newKey());
        await store.sequenceRuns.saveCheckpoint(deployment.id, machineId, { json, runId, serial });
      },
    },
    {
      method: "DELETE",
      path,
      who: "machine",
      handle: async (call) => {
        const { deployment, machineId } = await deploymentOf(call, store);
        await store.sequenceRuns.removeCheckpoint(deployment.id, machineId);
      },
    },
  ];
}
