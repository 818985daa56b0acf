/** What machines tell, and what is kept of them, is kept for a set time. */
import { toVolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { FileLibrary } from "./content/files.ts";
import type { MachineLogs } from "./content/machine-logs.ts";
import type { Log } from "./log.ts";
import type { Store } from "./store/store.ts";

export interface Pruned {
  store: Store;
  machineLogs: Pick<MachineLogs, "prune">;
  files: Pick<FileLibrary, "remove">;
}

/** Answers what ends looking after that. */
export async function pruning({ files, machineLogs, store }: Pruned, log: Log): Promise<() => void> {
  const prune = async (): Promise<void> => {
    await store.statusMessages.prune(Date.now());
    await store.deploymentReports.prune(Date.now());
    for (const fileId of await store.stateStores.expire()) files.remove(fileId);
    machineLogs.prune(Date.now());
  };
  await prune();
  const timer = setInterval(() => {
    prune().catch((error: unknown) => log.error(`what is old stays: ${toVolleyError(error).detail}`));
  }, limits.statusPruneMs);
  return () => clearInterval(timer);
}
