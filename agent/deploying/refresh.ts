/** A run that leaves the system it began in for the PE: what is staged for that, and what holds when it comes to nothing. */
import { BootImageFacts } from "../../contract/boot-image.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../report/logs.ts";
import { untilItWorks } from "../back-off.ts";
import type { SiteClient } from "../site/site-client.ts";
import type { BootImageSource, LocalPe } from "../staging/local-pe.ts";
import type { BootStaging } from "../steps/services.ts";

export interface RefreshOptions {
  deploymentId: string;
  staging: LocalPe;
  site: Pick<SiteClient, "ask" | "fetch">;
  log: Log;
  /** Forgets where the run stands, on this machine and at the site. */
  endRun(): Promise<void>;
  signal: AbortSignal;
}

export class Refresh {
  readonly #options: RefreshOptions;

  constructor(options: RefreshOptions) {
    this.#options = options;
  }

  get bootStaging(): BootStaging {
    return { prepare: (transfer) => this.#prepare(transfer) };
  }

  /**
   * Before the run is taken up: true when the machine has to be restarted into the PE, where the run stands. Rejects with
   * E_STAGING when the machine has come back from there too often; it is then as it was, and the run has ended.
   */
  async isToLeave(): Promise<boolean> {
    const { deploymentId, log, staging } = this.#options;
    const { record } = staging;
    if (record === null || record.deploymentId !== deploymentId || record.armedIn === null) return false;
    if (!staging.cameBack) return true;
    log.warning(
      `This machine was restarted into the PE and came back without a new system (${record.starts})`,
    );
    if (record.starts < limits.stagedStartsMost) return true;
    await this.abandon();
    await this.#options.endRun();
    throw new VolleyError("E_STAGING", `The machine came back from the PE ${record.starts} times, as it was`);
  }

  /** The next start is into the PE. When that cannot be had, the machine is as it was, and the run has ended. */
  async arm(): Promise<void> {
    const { deploymentId, signal, staging } = this.#options;
    try {
      // A script may have asked for the restart, without the step that prepares it.
      if (staging.record?.deploymentId !== deploymentId) {
        await this.#prepare({ signal, progress: () => {} });
      }
      await staging.arm();
    } catch (error) {
      await this.giveUp();
      throw error;
    }
  }

  /** As Staging. */
  restart(): Promise<boolean> {
    return this.#options.staging.restart();
  }

  /** The machine as it was, and no run to go on with. */
  async giveUp(): Promise<void> {
    await this.abandon();
    await this.#options.endRun();
  }

  /** The machine as it was. What could not be taken back is logged: it is no reason to hide why. */
  async abandon(): Promise<void> {
    try {
      await this.#options.staging.withdraw();
    } catch (error) {
      this.#options.log.error(`The PE's files or entry stay on this machine: ${toVolleyError(error).detail}`);
    }
  }

  #prepare(transfer: { signal: AbortSignal; progress(fraction: number): void }): Promise<void> {
    const { deploymentId, log, site, staging } = this.#options;
    const path = "/boot-image";
    const source: BootImageSource = {
      facts: () =>
        untilItWorks(() => site.ask(BootImageFacts, { method: "GET", path }), {
          signal: transfer.signal,
          patienceMs: limits.siteAwayMs,
          onWait: (failure) => log.warning(`Waiting for the boot image: ${failure.detail}`),
        }),
      piece: (name, offset) => site.fetch({ method: "GET", path: `${path}/${name}/${offset}` }),
    };
    return staging.prepare(deploymentId, source, transfer);
  }
}
