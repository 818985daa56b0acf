/** Puts a distribution point in another building together from its parts, and ends them in reverse. */
import { join } from "node:path";
import { verify, X509Certificate } from "node:crypto";
import { VolleyError } from "../../contract/errors.ts";
import type { PointSync } from "../../contract/point.ts";
import type { IgmpDoor } from "../casting/igmp-watch.ts";
import { openCasting } from "../casting/open-casting.ts";
import { PointProperties } from "../casting/properties.ts";
import type { CastingDoor } from "../casting/session-opener.ts";
import { SiteClient } from "../client.ts";
import { Library, type LibraryOptions } from "../content/library.ts";
import { Endings } from "../endings.ts";
import type { Log } from "../log.ts";
import { lockFolder } from "../store/lock.ts";
import { Mirror, MirroredDeployments } from "../store/mirror.ts";
import { openStore, type Store } from "../store/store.ts";
import { openDoor, type Door } from "./door.ts";
import { enrolPoint, readIdentity, writeIdentity, type PointIdentity, type SitePlace } from "./identity.ts";
import { Pace } from "./pace.ts";
import { Replication } from "./replication.ts";
import { SiteLine } from "./site-line.ts";
import { SiteWishes } from "./site-wishes.ts";
import { Tickets } from "./tickets.ts";

/** What of the addon a point uses. */
export type PointNative = LibraryOptions["native"] & CastingDoor & IgmpDoor;

export interface PointOptions {
  dataFolder: string;
  site: SitePlace;
  /** Both for the first start alone: 64 hex digits of the site's authority, and what `volley dp add` showed. */
  fingerprint: string | null;
  credential: string | null;
  /** 0 = any free one. */
  port: number;
  /** IPv4 address that is cast from; null = the one that machines reach it by. */
  interfaceAddress: string | null;
  mtu: number;
  timeToLive: number;
  native: PointNative;
  log: Log;
}
export interface RunningPoint {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Resolves with why it cannot go on; close it then. */
  readonly failed: Promise<VolleyError>;
  close(): Promise<void>;
}

const renewBeforeMs = 30 * 86_400_000;

export function pointFiles(dataFolder: string) {
  return {
    identity: join(dataFolder, "point.json"),
    database: join(dataFolder, "database"),
    library: join(dataFolder, "library"),
    copying: join(dataFolder, "copying"),
    log: join(dataFolder, "point.log"),
  };
}

/** Throws E_SITE_BUSY, E_STORE, E_SOCKET, and at the first start what an enrolment is refused with. */
export async function openPoint(options: PointOptions): Promise<RunningPoint> {
  const endings = new Endings(options.log);
  try {
    const lock = await lockFolder(options.dataFolder);
    endings.push(() => lock.release());
    const identity = await ownIdentity(options);
    const store = await pointStore(options.dataFolder);
    endings.push(() => store.close());
    const { door, removed } = await openParts(options, { identity, store, endings });
    const { address, name } = identity;
    const failed = Promise.race([store.failed, removed]);
    return { name, address, port: door.port, failed, close: () => endings.close() };
  } catch (error) {
    await endings.close();
    throw error;
  }
}

/** Kept from an earlier start, also where the site is reached by another address by now. */
async function ownIdentity(options: PointOptions): Promise<PointIdentity> {
  const { credential, dataFolder, fingerprint, site } = options;
  const path = pointFiles(dataFolder).identity;
  const kept = readIdentity(path);
  if (kept !== undefined && credential === null) return { ...kept, ...site };
  if (fingerprint === null || credential === null) {
    throw new VolleyError(
      "E_NOT_ENROLLED",
      "The first start needs --fingerprint and a credential (volley dp add).",
    );
  }
  const identity = await enrolPoint(site, fingerprint, credential);
  writeIdentity(path, identity);
  options.log.info(`enrolled at the site as distribution point ${identity.name}`);
  return identity;
}

async function pointStore(dataFolder: string): Promise<Store & { deployments: MirroredDeployments }> {
  const store = await openStore(pointFiles(dataFolder).database);
  const deployments = new MirroredDeployments(store.database, {
    deviceOf: async () => undefined,
    of: async () => [],
    membersOf: async () => [],
  });
  return { ...store, deployments };
}

interface Parts {
  identity: PointIdentity;
  store: Store & { deployments: MirroredDeployments };
  endings: Endings;
}

async function openParts(
  options: PointOptions,
  { endings, identity, store }: Parts,
): Promise<{ door: Door; removed: Promise<VolleyError> }> {
  const { dataFolder, log, native } = options;
  const files = pointFiles(dataFolder);
  const { host, port, authority, key, manifestKey, pointId } = identity;
  const client = new SiteClient({ address: host, port, authority, adminToken: `${pointId}.${key}` });
  endings.push(() => client.close());
  const library = await openLibrary(options, store, manifestKey);
  const properties = await PointProperties.open(store.distributionPoint, {}, true);
  const { director } = await openCasting(
    {
      store,
      content: library,
      native,
      interfaceAddress: options.interfaceAddress ?? identity.address,
      properties,
      mtu: options.mtu,
      timeToLive: options.timeToLive,
      querier: null,
      serving: true,
      log,
      changed: () => undefined,
    },
    endings,
  );
  const mirror = new Mirror(store.database, store.deployments);
  const wishes = new SiteWishes({ store, director, properties, log });
  const pace = new Pace(() => wishes.replication);
  const images = new Replication({
    folder: files.copying,
    library,
    images: store.images,
    line: client,
    native,
    pace,
    log,
  });
  const door = await openDoor({
    address: identity.address,
    port: options.port,
    certificate: { certificate: identity.certificate, key: identity.certificateKey },
    tickets: new Tickets(manifestKey, pointId),
    mirror,
    images: store.images,
    library,
    director,
    progressed: (machineId, deploymentId, progress) => line.progressed(machineId, deploymentId, progress),
    log,
  });
  endings.push(() => door.close());
  let remove: (failure: VolleyError) => void = () => undefined;
  const removed = new Promise<VolleyError>((resolve) => {
    remove = resolve;
  });
  let current = identity;
  const line: SiteLine = new SiteLine({
    client,
    present: async (): Promise<Omit<PointSync, "progress">> => {
      const waits = director.waiting.current(Date.now());
      return {
        port: door.port,
        sessions: director.records(),
        waits,
        images: images.holding,
        deployments: [
          ...new Set([...(await mirror.openDeployments()), ...waits.map(({ deploymentId }) => deploymentId)]),
        ],
        renew: endsSoon(current.certificate),
        encryption: true,
        packages: true,
      };
    },
    take: async (answer) => {
      images.want(answer.images);
      await wishes.take(answer);
      if (answer.certificate === null) return;
      current = { ...current, certificate: answer.certificate };
      writeIdentity(files.identity, current);
      door.setCertificate({ certificate: current.certificate, key: current.certificateKey });
    },
    isBusy: () =>
      images.isCopying || director.waiting.size > 0 || director.records().some(({ end }) => end === null),
    removed: (failure) => remove(failure),
    log,
  });
  images.start();
  endings.push(() => images.stop());
  line.start();
  endings.push(() => line.stop());
  return { door, removed };
}

async function openLibrary(
  { dataFolder, log, native }: PointOptions,
  store: Store,
  manifestKey: string,
): Promise<Library> {
  const isSigned = (bytes: Uint8Array, signature: Uint8Array): boolean =>
    verify(null, bytes, manifestKey, signature);
  const authority = { verifyManifest: isSigned };
  const { library: folder } = pointFiles(dataFolder);
  const library = new Library({ folder, store, authority, native, packageContents: "copied", log });
  await library.recover();
  return library;
}

function endsSoon(certificate: string): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) - Date.now() < renewBeforeMs;
}
