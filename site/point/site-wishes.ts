/** What the site wants of a distribution point, done as it is told. */
import type { PointSyncAnswer } from "../../contract/point.ts";
import type { Director } from "../casting/director.ts";
import type { PointProperties } from "../casting/properties.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";

export interface SiteWishesOptions {
  store: Pick<Store, "deployments">;
  director: Pick<Director, "closeDeployment" | "waiting">;
  properties: PointProperties;
  log: Log;
}

export class SiteWishes {
  readonly #options: SiteWishesOptions;
  /** How content is to come. */
  replication: PointSyncAnswer["replication"] = { rateMbps: 0, hours: null };

  constructor(options: SiteWishesOptions) {
    this.#options = options;
  }

  async take(answer: PointSyncAnswer): Promise<void> {
    const { director, log, properties, store } = this.#options;
    const { closedDeployments, properties: wanted, replication, startDeployments } = answer;
    this.replication = replication;
    if (JSON.stringify(wanted) !== JSON.stringify(properties.current)) {
      await properties.change(wanted);
      log.info("the site has changed this distribution point's properties");
    }
    for (const id of startDeployments) await director.waiting.startNow(id, Date.now());
    for (const id of closedDeployments) {
      // First, so that no machine opens it again.
      await store.deployments.close(id);
      await director.closeDeployment(id);
    }
  }
}
