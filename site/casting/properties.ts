/** The distribution point's properties: one source for all that casts, read each time they matter. */
import { DistributionPoint, type DistributionPointChange } from "../../contract/distribution-point.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { DistributionPointStore } from "../store/distribution-point.ts";
import { Turns } from "../turns.ts";
import {
  defaultGroupRange,
  defaultPortRange,
  parseGroupRange,
  parsePortRange,
  type GroupRange,
  type PortRange,
} from "./addresses.ts";

/** Documented in docs/guides/distribution-point.md. */
export const defaultProperties: DistributionPoint = {
  multicast: true,
  groupRange: defaultGroupRange,
  portRange: defaultPortRange,
  maximumClients: 0,
  rateMbps: 0,
  scheduled: false,
  startDelayMinutes: 15,
  minimumClients: 20,
  slowClients: { policy: "none" },
  encrypt: false,
};

export class PointProperties {
  readonly #store: DistributionPointStore;
  readonly #turns = new Turns();
  #current: DistributionPoint;
  #groups: GroupRange;
  #ports: PortRange;

  private constructor(store: DistributionPointStore, current: DistributionPoint) {
    this.#store = store;
    this.#current = current;
    this.#groups = parseGroupRange(current.groupRange);
    this.#ports = parsePortRange(current.portRange);
  }

  /** `first` counts where nothing is kept yet, and is kept then if the site serves machines. */
  static async open(
    store: DistributionPointStore,
    first: DistributionPointChange,
    serving: boolean,
  ): Promise<PointProperties> {
    const kept = await store.properties();
    const properties = new PointProperties(
      store,
      DistributionPoint.parse({ ...defaultProperties, ...(kept ?? first) }),
    );
    if (kept === undefined && serving) await store.saveProperties(properties.current);
    return properties;
  }

  get current(): DistributionPoint {
    return this.#current;
  }
  get groups(): GroupRange {
    return this.#groups;
  }
  get ports(): PortRange {
    return this.#ports;
  }

  /** What becomes of any point's. Throws E_REQUEST_INVALID. */
  merged(current: DistributionPoint, change: DistributionPointChange): DistributionPoint {
    const next = DistributionPoint.parse({ ...current, ...change });
    understood("groupRange", () => parseGroupRange(next.groupRange));
    understood("portRange", () => parsePortRange(next.portRange));
    return next;
  }

  /** Counts for sessions that are opened from now on. Throws E_REQUEST_INVALID. */
  change(change: DistributionPointChange): Promise<DistributionPoint> {
    return this.#turns.take(async () => {
      const next = this.merged(this.#current, change);
      const [groups, ports] = [parseGroupRange(next.groupRange), parsePortRange(next.portRange)];
      await this.#store.saveProperties(next);
      [this.#current, this.#groups, this.#ports] = [next, groups, ports];
      return next;
    });
  }
}

function understood<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new VolleyError("E_REQUEST_INVALID", `${name}: ${(error as Error).message}`);
  }
}
