/** User state that a machine captures and has back: one place for each machine, kept for a time. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { StateRequest, StateStored, type KeptState, type StateAnswer } from "../../contract/sequence.ts";
import { newKey } from "../authority/secrets.ts";
import type { StoredState } from "../store/state-stores.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { identifierOf, offsetOf, parse, sendBytes } from "./routes.ts";
import type { Route } from "./route.ts";

const dayMs = 86_400_000;

export function stateStoreRoutes({ files, log, store }: ApiContext): Route[] {
  const find = async (machineId: string): Promise<StoredState> => {
    const stored = await store.stateStores.find(machineId);
    if (!stored) throw new VolleyError("E_NOT_FOUND", "No user state of this machine is kept (any more).");
    return stored;
  };
  const path = "/deployments/:id/machines/me/state";
  return [
    {
      method: "POST",
      path,
      who: "machine",
      handle: async (call): Promise<StateAnswer> => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const { purpose } = parse(StateRequest, call.request.body);
        // What is kept is given back also by a run that began before its deployment was closed.
        if (deployment.sequenceId === null || (purpose === "capture" && !deployment.open)) {
          throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} moves no user state now.`);
        }
        if (purpose === "capture") {
          return { key: await store.stateStores.captureKey(machineId, newKey()), stored: null };
        }
        const { bytes, hash, key, restored } = await find(machineId);
        return { key, stored: { bytes, hash, restored } };
      },
    },
    {
      method: "PUT",
      path,
      who: "machine",
      handle: async (call) => {
        const { machineId } = await deploymentOf(call, store);
        const { uploadId } = parse(StateStored, call.request.body);
        // It has come before, and the answer was lost.
        if ((await store.stateStores.find(machineId))?.fileId === uploadId) return;
        const { bytes, hash, id: fileId } = await files.take(machineId, uploadId, limits.uploadBytesMost);
        const result = await store.stateStores.store(machineId, { fileId, bytes, hash });
        if (result === undefined) {
          files.remove(fileId);
          throw new VolleyError("E_CONFLICT", "A place for user state is asked for before it is filled.");
        }
        if (result.replaced !== null) files.remove(result.replaced);
        log.info(`machine ${machineId} stored its user state: ${bytes} bytes, kept until they are back`);
      },
    },
    {
      method: "DELETE",
      path,
      who: "machine",
      handle: async (call) => {
        const { machineId } = await deploymentOf(call, store);
        const expires = new Date(Date.now() + limits.stateStoreDays * dayMs).toISOString();
        await store.stateStores.restored(machineId, expires);
        log.info(`machine ${machineId} has its user state back, which is kept until ${expires}`);
      },
    },
    {
      method: "GET",
      path: "/machines/:id/state",
      who: "viewer",
      handle: async ({ request }): Promise<KeptState> => {
        const stored = await store.stateStores.find(identifierOf(request, "machine"));
        if (stored === undefined) return { kept: null };
        const { bytes, expires, restored } = stored;
        return { kept: { bytes, expires, restored } };
      },
    },
    {
      method: "DELETE",
      path: "/machines/:id/state",
      who: "administrator",
      handle: async ({ request }) => {
        const machineId = identifierOf(request, "machine");
        const fileId = await store.stateStores.drop(machineId);
        if (fileId === undefined) throw new VolleyError("E_NOT_FOUND", "No user state of it is kept.");
        files.remove(fileId);
        log.info(`the user state of machine ${machineId} is dropped`);
      },
    },
    {
      method: "GET",
      path: `${path}/:offset`,
      who: "machine",
      handle: async (call) => {
        const { machineId } = await deploymentOf(call, store);
        const { fileId } = await find(machineId);
        return sendBytes(call, await files.read(fileId, offsetOf(call.request)));
      },
    },
  ];
}
