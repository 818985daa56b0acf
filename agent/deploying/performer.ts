/** What a deployment on this machine needs: the machine, its site, and who sits in front of it. */
import type { VolleyError } from "../../contract/errors.ts";
import type { Policy } from "../../contract/deployment.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Asker } from "../imaging/plan.ts";
import type { Platform } from "../platform/platform.ts";
import type { Delivery } from "../report/delivery.ts";
import type { Log, Logs } from "../report/logs.ts";
import type { Screen } from "../report/screen.ts";
import type { SequenceRunner } from "../running/sequence-runner.ts";
import type { SiteClient } from "../site/site-client.ts";
import type { SiteAddress } from "../site/transport.ts";
import type { LocalPe } from "../staging/local-pe.ts";
import type { StateFolder } from "../state-folder.ts";

export type Deployment = NonNullable<Policy["deployment"]>;
export type ImageDeployment = Deployment & { image: NonNullable<Deployment["image"]> };
/** An image that is cast, whatever for: a deployment of it, or a package. */
export type CastDeployment = Pick<ImageDeployment, "id" | "image" | "multicast" | "multicastOnly" | "points">;
export type SequenceDeployment = Deployment & { sequence: NonNullable<Deployment["sequence"]> };

/** Once for each deployment, at the latest when it throws. */
export type TellFailure = (failure: VolleyError) => Promise<void>;

/** What receiving takes of it. */
export interface CastPerformer extends Pick<
  Performer,
  "siteAddress" | "interfaceAddress" | "log" | "signal"
> {
  platform: Pick<Platform, "firewall" | "interfaceAddressTo">;
  site: Pick<SiteClient, "enrol" | "join" | "manifest" | "manifestKey" | "progress" | "remember">;
  screen: Pick<Screen, "progress">;
  delivery: Pick<Delivery, "tell">;
  /** Told whom it is about to ask for a session: the site, or a distribution point. */
  askedAt?(address: SiteAddress): void;
}

export interface Performer {
  platform: Platform;
  state: StateFolder;
  site: SiteClient;
  siteAddress: SiteAddress;
  delivery: Delivery;
  screen: Screen;
  asker: Asker;
  log: Log;
  machine: MachineFacts;
  /** What the person at the machine said on the command line. */
  disk: string | null;
  yes: boolean;
  interfaceAddress: string | null;
  /** What task sequences run with beside this. */
  sequences: SequenceRunner;
  logs: Logs;
  logFolder: string;
  /** Path of this agent's executable; null when it runs from its sources. */
  program: string | null;
  /** A sequence may restart the machine; else the agent ends with E_RESTART_NEEDED. */
  allowRestart: boolean;
  /** Null in a PE, and where no PE can be put on the machine's disk. */
  staging: LocalPe | null;
  signal: AbortSignal;
}
