/** Opens sessions: their row in the store, then the sender, under a start number that is spent whatever happens. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Caster, CasterOptions } from "../../native/index.ts";
import type { StoredSession } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { choosePort, type PortRange } from "./addresses.ts";
import type { GroupAndPort } from "./groups.ts";

/** What of the addon is used here. */
export interface CastingDoor {
  openCaster(options: CasterOptions): Caster;
  receiverKey(options: { feedbackSecret: Buffer; session: number; receiver: number }): Buffer;
}
/** What of the content library is used here; all throw E_CONTENT_READ. */
export interface CastContent {
  manifest(imageId: string): Promise<Buffer>;
  /** Throws E_CONTENT_CORRUPT. */
  checkWhole(image: { id: string; name: string }, manifest: Buffer): Promise<void>;
  contentPath(imageId: string): string;
}
/** What of the groups is used here (groups.ts). */
export interface CastGroups {
  take(): Promise<GroupAndPort>;
  resume(had: GroupAndPort): Promise<void>;
  release(group: string): void;
}
/** What a session casts: an image of a deployment, in one of its streams. */
export interface CastWish {
  deployment: DeploymentRecord;
  imageId: string;
  stream: number;
}
export interface OpenerOptions {
  store: Store;
  content: CastContent;
  native: CastingDoor;
  /** IPv4 address that is sent from and listened on. */
  interfaceAddress: string;
  groups: CastGroups;
  /** Read with each session that is opened, as what is current of the properties. */
  readonly ports: PortRange;
  readonly properties: { readonly current: DistributionPoint };
  mtu: number;
  timeToLive: number;
}

/** Ports that something else on this machine uses are passed over this often. */
const portTries = 16;

export class SessionOpener {
  readonly #options: OpenerOptions;

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** A row for a session, with a group of its own, whose sender is still to be opened. `open`: how many others are. */
  async add({ deployment, imageId, stream }: CastWish, open: number): Promise<StoredSession> {
    if (open >= limits.sessionsOpen) {
      throw new VolleyError("E_CONFLICT", `${limits.sessionsOpen} sessions are open, which is the most.`);
    }
    const { groups, mtu, store } = this.#options;
    const image = await store.images.find(imageId);
    if (!image) throw new VolleyError("E_NOT_FOUND", `There is no image ${imageId}.`);
    const place = await groups.take();
    try {
      const stored: StoredSession = {
        id: randomUUID(),
        deploymentId: deployment.id,
        imageId,
        number: await this.#freeNumber(),
        stream,
        ...place,
        mtu,
        encrypted: this.#encrypts(image),
        start: 0,
        sessionKey: randomBytes(32).toString("hex"),
        feedbackSecret: randomBytes(32).toString("hex"),
        feedbackPort: 0,
        unicastPort: 0,
        multicastBytes: 0,
        unicastBytes: 0,
        parityPart: 0,
        open: true,
        end: null,
      };
      await store.sessions.add(stored);
      return stored;
    } catch (error) {
      groups.release(place.group);
      throw error;
    }
  }

  /**
   * For an agent that knows no encryption: throws E_CONFLICT where the session of the image, or the one that would be opened
   * for it, is encrypted.
   */
  checkInClear(image: ImageRecord, session: StoredSession | undefined): void {
    if (!(session?.encrypted ?? this.#encrypts(image))) return;
    const detail = `${image.name} is cast encrypted, and this version of the agent knows no encryption`;
    throw new VolleyError("E_CONFLICT", `${detail}: start the machine with one of the site's version.`);
  }

  /** Of a session that is opened now: it stays what it is then. */
  #encrypts({ encrypt }: Pick<ImageRecord, "encrypt">): boolean {
    return encrypt || this.#options.properties.current.encrypt;
  }

  /** Opens the sender, and puts its ports into `stored`: they are still to be kept. */
  async cast(
    stored: StoredSession,
    deployment: DeploymentRecord,
    others: readonly StoredSession[],
  ): Promise<{ caster: Caster; image: ImageRecord }> {
    const { store, content } = this.#options;
    const image = await store.images.find(stored.imageId);
    if (!image) {
      throw new VolleyError("E_NOT_FOUND", `The image of deployment ${deployment.name} is not there.`);
    }
    const manifest = await content.manifest(image.id);
    await content.checkWhole(image, manifest);
    const caster = await this.#openCaster(stored, { deployment, image, manifest, others });
    stored.feedbackPort = caster.ports.feedback;
    stored.unicastPort = caster.ports.unicast;
    return { caster, image };
  }

  async #freeNumber(): Promise<number> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const number = randomInt(2 ** 32);
      if (!(await this.#options.store.sessions.numberTaken(number))) return number;
    }
    throw new VolleyError("E_INTERNAL", "No session number was free in a hundred tries.");
  }

  /** A port that is in use is passed over the first time; later, machines count on the one they were told. */
  async #openCaster(
    stored: StoredSession,
    cast: {
      deployment: DeploymentRecord;
      image: ImageRecord;
      manifest: Buffer;
      others: readonly StoredSession[];
    },
  ): Promise<Caster> {
    const { store, native, content, interfaceAddress, properties, timeToLive } = this.#options;
    const rateMbps = cappedMbps(cast.deployment.rateMbps, properties.current.rateMbps);
    const { deployment, image, manifest, others } = cast;
    const settled = stored.feedbackPort !== 0;
    const passedOver = [...others.flatMap(portsOf), stored.port];
    const freePort = (): number => {
      const port = choosePort(this.#options.ports, passedOver);
      passedOver.push(port);
      return port;
    };
    for (let attempt = 1; ; attempt += 1) {
      const ports = settled
        ? { feedback: stored.feedbackPort, unicast: stored.unicastPort }
        : { feedback: freePort(), unicast: freePort() };
      stored.start = await store.sessions.nextStart(stored.id);
      try {
        return native.openCaster({
          manifest,
          contentPath: content.contentPath(image.id),
          sessionKey: Buffer.from(stored.sessionKey, "hex"),
          feedbackSecret: Buffer.from(stored.feedbackSecret, "hex"),
          session: stored.number,
          start: stored.start,
          stream: stored.stream,
          group: stored.group,
          port: stored.port,
          interfaceAddress,
          feedbackPort: ports.feedback,
          unicastPort: isMulticastOnly(deployment, image) ? null : ports.unicast,
          timeToLive,
          mtu: stored.mtu,
          encrypted: stored.encrypted,
          rateBytesPerSecond: Math.round((rateMbps * 1_000_000) / 8),
          paceBy: hasSlowerStream(deployment, stored.stream) ? "quickest" : "most",
        });
      } catch (error) {
        if (settled || attempt === portTries || toVolleyError(error).code !== "E_SOCKET") throw error;
      }
    }
  }
}

/** Whether the deployment or what it casts says so. */
export function isMulticastOnly(
  { multicastOnly }: Pick<DeploymentRecord, "multicastOnly">,
  { multicast }: Pick<ImageRecord, "multicast">,
): boolean {
  return multicastOnly || multicast === "only";
}

/** Of two rates the lower; 0 is none. */
function cappedMbps(one: number, other: number): number {
  return one === 0 || other === 0 ? one + other : Math.min(one, other);
}

/** Then those that the pace leaves behind have somewhere to go. */
function hasSlowerStream({ slowClients }: DeploymentRecord, stream: number): boolean {
  return slowClients.policy === "multistream" && stream < slowClients.streams - 1;
}

function portsOf(session: StoredSession): number[] {
  return [session.port, session.feedbackPort, session.unicastPort];
}
