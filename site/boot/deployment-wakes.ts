/** Wakes the machines of deployments that say so, as each begins: when it is made, or when its time comes. */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import { windowOf } from "../store/deployment-window.ts";
import type { Store } from "../store/store.ts";
import { meant } from "../store/wakes.ts";
import { macsOf } from "./magic-packet.ts";
import type { Waker } from "./waker.ts";
import { countText } from "../quantities.ts";

export interface DeploymentWakesOptions {
  store: Store;
  waker: Waker;
  log: Log;
  /** A deployment has woken its machines. */
  changed: () => void;
}

export class DeploymentWakes {
  readonly #options: DeploymentWakesOptions;
  /** How often each was tried in vain. */
  readonly #tries = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: DeploymentWakesOptions) {
    this.#options = options;
  }

  start(): void {
    let isLooking = false;
    this.#timer = setInterval(() => {
      if (isLooking) return;
      isLooking = true;
      this.#looking = this.#look().finally(() => (isLooking = false));
    }, limits.wakeLookMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { log, store } = this.#options;
    try {
      for (const id of await store.wakes.waiting()) {
        const deployment = await store.deployments.find(id);
        if (deployment === undefined) continue;
        // Its boundary is a matter of each machine's address, which one that is off has none of.
        if (windowOf({ ...deployment, subnets: [] }, null) === "due") await this.#wake(deployment);
      }
    } catch (error) {
      log.error(`deployments that wake machines: ${toVolleyError(error).detail}`);
    }
  }

  /** A network that is not up yet, as after a power cut, is tried again for a while. */
  async #wake(deployment: DeploymentRecord): Promise<void> {
    const { changed, log, store, waker } = this.#options;
    const { id, name } = deployment;
    const devices = await devicesMeant(store, deployment);
    const macs = new Set(devices.flatMap(macsOf));
    // Before the first packet leaves: who answers at once has answered.
    const time = new Date().toISOString();
    let outcome = macs.size === 0 ? "E_NO_MAC" : "done";
    try {
      if (macs.size > 0) await waker.wake([...macs]);
    } catch (error) {
      const { code, detail } = toVolleyError(error);
      const tries = (this.#tries.get(id) ?? 0) + 1;
      this.#tries.set(id, tries);
      if (tries < limits.wakeTries) return;
      log.error(`the machines of ${name} are not woken: ${detail}`);
      outcome = code;
    }
    this.#tries.delete(id);
    await store.wakes.woken(id, time);
    const count = devices.filter((device) => macsOf(device).length > 0).length;
    const target = `${name}: ${count} of ${countText(devices.length, "device")}`;
    await store.audit.add({ kind: "site", who: "site", address: "", action: "wake", target, outcome });
    if (outcome === "done") log.info(`the machines of ${target} are woken`);
    changed();
  }
}

/** Whom a deployment is for now, without those that wait for approval or were refused. */
export async function devicesMeant(
  store: Store,
  { collectionId, machines }: Pick<DeploymentRecord, "collectionId" | "machines">,
): Promise<DeviceRecord[]> {
  const collection = collectionId ? await store.collections.find(collectionId) : undefined;
  // Without a collection it would be for its machines; one that is gone has no members.
  if (collectionId && collection === undefined) return [];
  return (await store.devices.list()).filter(meant(machines, collection));
}
