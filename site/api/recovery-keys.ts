/** BitLocker's recovery passwords: sealed on their way into the store, and opened for an administrator alone. */
import { VolleyError } from "../../contract/errors.ts";
import { RecoveryKeyRequest, type RecoveryKey } from "../../contract/recovery-keys.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function recoveryKeyRoutes({ log, store, vault }: ApiContext): Route[] {
  const whatOf = (machineId: string, id: string): string => `recovery password ${machineId} ${id}`;
  return [
    {
      method: "PUT",
      path: "/deployments/:id/machines/me/recovery-key",
      who: "machine",
      handle: async (call) => {
        // Also by a run that began before its deployment was closed: the disk is encrypted next.
        const { deployment, machineId } = await deploymentOf(call, store);
        const { drive, id, password } = parse(RecoveryKeyRequest, call.request.body);
        const sealed = vault.seal(password, whatOf(machineId, id));
        await store.recoveryKeys.keep(machineId, {
          deployment: deployment.name,
          drive,
          id,
          password: sealed,
        });
        log.info(`machine ${machineId} gave the recovery password ${id} of ${drive} to keep`);
      },
    },
    {
      method: "GET",
      path: "/devices/:id/recovery-keys",
      who: "administrator",
      audited: true,
      handle: async ({ request }): Promise<RecoveryKey[]> => {
        const id = identifierOf(request, "device");
        const device = await store.devices.find(id);
        if (device === undefined) throw new VolleyError("E_NOT_FOUND", `There is no device ${id}.`);
        const { machineId } = device;
        if (machineId === null) return [];
        const keys = await store.recoveryKeys.ofMachine(machineId);
        return keys.map((key) => ({ ...key, password: vault.open(key.password, whatOf(machineId, key.id)) }));
      },
    },
  ];
}
