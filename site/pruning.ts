/** What machines tell is kept for a set time. */
import { toVolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { MachineLogs } from "./content/machine-logs.ts";
import type { Log } from "./log.ts";
import type { Store } from "./store/store.ts";

/** Answers what ends looking after that. */
export async function pruning(store: Store, logs: MachineLogs, log: Log): Promise<() => void> {
  const prune = async (): Promise<void> => {
    await store.statusMessages.prune(Date.now());
    await store.deploymentReports.prune(Date.now());
    logs.prune(Date.now());
  };
  await prune();
  const timer = setInterval(() => {
    prune().catch((error: unknown) => log.error(`old messages stay: ${toVolleyError(error).detail}`));
  }, limits.statusPruneMs);
  return () => clearInterval(timer);
}
