/** The copy of a run's checkpoint at the site: what is left when a machine forgets all it had. */
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../report/logs.ts";
import type { CheckpointStore, SecretKey } from "../sequence/checkpoint.ts";
import { untilItWorks } from "../back-off.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";

/** A site that is away holds up no step, and is complained of once. */
export function siteStore(site: DeploymentSite, log: Log, signal: AbortSignal): CheckpointStore {
  let isAway = false;
  return {
    load: () =>
      untilItWorks(() => site.checkpoint(), {
        signal,
        patienceMs: limits.firstContactMs,
        onWait: (failure) => log.detail(`The checkpoint at the site: ${failure.detail}`),
      }),
    async save(checkpoint) {
      try {
        await site.saveCheckpoint(checkpoint);
        isAway = false;
      } catch (error) {
        if (isAway) return;
        isAway = true;
        throw error;
      }
    },
    async remove() {
      // The site forgets it also when it hears how the run ended.
      await site.removeCheckpoint().catch((error: unknown) => {
        log.detail(`The checkpoint at the site stays for now: ${toVolleyError(error).detail}`);
      });
    },
  };
}

/** Asked for once, and kept in memory alone. */
export function siteKey(site: DeploymentSite, log: Log, signal: AbortSignal): SecretKey {
  let held: Promise<Buffer> | null = null;
  const fetchKey = async (): Promise<Buffer> => {
    const key = await untilItWorks(() => site.key(), {
      signal,
      patienceMs: limits.siteAwayMs,
      onWait: (failure) => log.warning(`Waiting for the site, which holds the key: ${failure.detail}`),
    });
    return Buffer.from(key, "hex");
  };
  return {
    key() {
      held ??= fetchKey().catch((error: unknown) => {
        held = null;
        throw error;
      });
      return held;
    },
  };
}
