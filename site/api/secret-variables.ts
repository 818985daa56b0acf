/** Hidden variables are sealed on their way into the store, and opened for the machine that they are for. */
import {
  DeviceVariables,
  type DeviceVariablesChange,
  type SequenceVariable,
} from "../../contract/sequence.ts";
import type { Vault } from "../authority/vault.ts";
import type { Database } from "../store/schema.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";

const whatOf = (name: string): string => `variable ${name.toLowerCase()}`;

export function sealVariables(vault: Vault, variables: readonly SequenceVariable[]): SequenceVariable[] {
  return variables.map((one) =>
    one.hidden && !vault.isSealed(one.value)
      ? { ...one, value: vault.seal(one.value, whatOf(one.name)) }
      : one,
  );
}

/** Throws E_STORE. */
export function openVariables(vault: Vault, variables: readonly SequenceVariable[]): SequenceVariable[] {
  return variables.map((one) =>
    one.hidden && vault.isSealed(one.value)
      ? { ...one, value: vault.open(one.value, whatOf(one.name)) }
      : one,
  );
}

/** As people see them. */
export function shownVariables(variables: readonly SequenceVariable[]): DeviceVariables {
  return { variables: variables.map((one) => (one.hidden ? { ...one, value: "" } : one)) };
}

/** What there is after a change: what is named to stay, and what is new. Throws E_REQUEST_INVALID for too many. */
export function changedVariables(
  before: readonly SequenceVariable[],
  { keep, variables }: DeviceVariablesChange,
): SequenceVariable[] {
  const staying = new Set(keep.map((name) => name.toLowerCase()));
  const kept = before.filter(({ name }) => staying.has(name.toLowerCase()));
  return parse(DeviceVariables, { variables: mergeVariables(kept, variables) }).variables;
}

/** From now on the device has these of its own, and no others; answers them as people see them. */
export async function keepVariables(
  deviceId: string,
  change: DeviceVariablesChange,
  { log, store, vault }: Pick<ApiContext, "log" | "store" | "vault">,
): Promise<DeviceVariables> {
  const variables = changedVariables((await store.devices.variables(deviceId)) ?? [], change);
  await store.devices.setVariables(deviceId, sealVariables(vault, variables));
  log.info(`device ${deviceId} has ${variables.length} variables of its own`);
  return shownVariables(variables);
}

/** The later count over the earlier; names are compared without regard to case. */
export function mergeVariables(...lists: readonly (readonly SequenceVariable[])[]): SequenceVariable[] {
  return [...new Map(lists.flat().map((one) => [one.name.toLowerCase(), one])).values()];
}

/** Secrets that an earlier version has left as they were. */
export async function sealOldSecrets(vault: Vault, database: Database): Promise<void> {
  for (const table of ["deployment", "device"] as const) {
    const rows = await database.selectFrom(table).select(["id", "variables"]).execute();
    for (const { id, variables } of rows) {
      const sealed = sealVariables(vault, variables);
      if (sealed.every((one, index) => one === variables[index])) continue;
      await database
        .updateTable(table)
        .set({ variables: JSON.stringify(sealed) })
        .where("id", "=", id)
        .execute();
    }
  }
}
