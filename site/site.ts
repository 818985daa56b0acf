/** Puts a site together from its parts, starts them in the order they need each other, and ends them in reverse. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { DistributionPointChange } from "../contract/distribution-point.ts";
import type { VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { castInterface, certificateNames, listenAddresses } from "./addresses.ts";
import { resumeCaptures } from "./api/captures.ts";
import type { ApiContext } from "./api/context.ts";
import { AuditLog } from "./api/audit-log.ts";
import { startWebhook } from "./webhook.ts";
import { MachineKeys } from "./api/machine-keys.ts";
import { sealOldSecrets } from "./api/secret-variables.ts";
import { startApi } from "./api/server.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { watchCertificate, type CertificateFiles } from "./authority/own-certificate.ts";
import { openAuthority } from "./authority/authority.ts";
import { firstAccount } from "./authority/first-account.ts";
import { Passwords } from "./authority/passwords.ts";
import { openVault } from "./authority/vault.ts";
import { Backups } from "./backup/backups.ts";
import { refuseUnfinishedRestore } from "./backup/restore.ts";
import { adminToken, hashSecret } from "./authority/secrets.ts";
import { DeploymentWakes } from "./boot/deployment-wakes.ts";
import { Pxe } from "./boot/pxe.ts";
import { PxeResponder, type PxePlace } from "./boot/pxe-responder.ts";
import { Waker } from "./boot/waker.ts";
import { openCasting } from "./casting/open-casting.ts";
import { PointProperties } from "./casting/properties.ts";
import type { CastingDoor } from "./casting/session-opener.ts";
import { Examinations } from "./casting/examinations.ts";
import type { QuerierWish } from "./casting/igmp-querier.ts";
import type { IgmpDoor } from "./casting/igmp-watch.ts";
import { FileLibrary } from "./content/files.ts";
import type { ImportDoor } from "./content/import.ts";
import { Library } from "./content/library.ts";
import { MachineLogs } from "./content/machine-logs.ts";
import { PackageContents } from "./content/package-contents.ts";
import { ContentTasks } from "./content/tasks.ts";
import type { VerifyDoor } from "./content/verify.ts";
import { addPage } from "./dashboard/page.ts";
import { Endings } from "./endings.ts";
import type { Log } from "./log.ts";
import { RemotePoints } from "./points.ts";
import { pruning } from "./pruning.ts";
import { renewing } from "./renewing.ts";
import { RoomBoard } from "./room.ts";
import { keepUpgrading, refuseLostDatabase, takeLease } from "./serving.ts";
import { DiskRoom } from "./store/disk-room.ts";
import { makeFolder, writeFileDurably } from "./store/files.ts";
import { lockFolder } from "./store/lock.ts";
import type { DatabaseServer } from "./store/server-database.ts";
import { openStore, type Store } from "./store/store.ts";

/** What of the addon the site uses. */
export type SiteNative = ImportDoor & VerifyDoor & CastingDoor & IgmpDoor;

export interface SiteOptions {
  /** This process's own. */
  dataFolder: string;
  /** With what the site's processes have in common but for the database; may be the same. */
  sharedFolder: string;
  /** Null: the embedded one of the data folder. */
  databaseServer: DatabaseServer | null;
  /** Ends the waiting for another process to end. */
  ended: Promise<void>;
  /** IPv4 addresses by which machines reach the site; none = all of this machine's. */
  addresses: string[];
  /** 0 = any free one. */
  port: number;
  /** IPv4 address that is cast from; null = the first address. */
  interfaceAddress: string | null;
  /** The distribution point's properties where none are kept yet. */
  point: DistributionPointChange;
  mtu: number;
  timeToLive: number;
  /** Null = the site asks nobody for memberships. */
  querier: QuerierWish | null;
  native: SiteNative;
  log: Log;
  /** Boot media for machines that restart into them from their own disk. */
  mediaFolder: string;
  /** Made if need be. */
  importFolder: string;
  /** Null: machines that boot from the network are not answered. */
  pxe: PxePlace | null;
  /** For people and programs that come by a host name; null = the site's own authority vouches for all. */
  certificate: CertificateFiles | null;
  /** Deployments that act by themselves on more devices have to be confirmed. */
  highRiskDevices: number;
  /** True for a site that machines use: it goes on with its sessions and says where it is in site.json. */
  serving: boolean;
}

export interface RunningSite {
  /** Where it is reached from this machine. */
  readonly location: SiteLocation;
  readonly fingerprint: string;
  readonly adminToken: string;
  /** Of the account that was made since there was none; it is nowhere else, and null at every later start. */
  readonly firstPassword: string | null;
  /** Resolves with why the site cannot go on; close it then. */
  readonly failed: Promise<VolleyError>;
  close(): Promise<void>;
}

/** DATA/site.json: how a command finds the running site. */
export interface SiteLocation {
  address: string;
  port: number;
  pid: number;
  fingerprint: string;
}

export function siteFiles(dataFolder: string, sharedFolder = dataFolder) {
  return {
    location: join(dataFolder, "site.json"),
    adminToken: join(sharedFolder, "admin-token"),
    siteId: join(sharedFolder, "site-id"),
    authority: join(sharedFolder, "authority"),
    authorityCertificate: join(sharedFolder, "authority", "authority.pem"),
    secretsKey: join(sharedFolder, "authority", "secrets.key"),
    database: join(dataFolder, "database"),
    library: join(sharedFolder, "library"),
    files: join(sharedFolder, "files"),
    media: join(sharedFolder, "media"),
    imports: join(sharedFolder, "import"),
    pxe: join(dataFolder, "pxe"),
    logs: join(sharedFolder, "logs"),
    log: join(dataFolder, "site.log"),
  };
}

/** Throws E_SITE_BUSY, E_STORE, E_SOCKET; nothing of it is left running then. */
export async function openSite(options: SiteOptions): Promise<RunningSite> {
  const files = siteFiles(options.dataFolder, options.sharedFolder);
  const { native, log } = options;
  const endings = new Endings(log);
  try {
    const lock = await lockFolder(options.dataFolder);
    endings.push(() => lock.release());
    const { databaseServer, sharedFolder } = options;
    refuseUnfinishedRestore(sharedFolder);
    if (databaseServer === null) refuseLostDatabase(files);
    const keep = keepUpgrading(sharedFolder, files, log);
    const disk = new DiskRoom(sharedFolder, log);
    const store = await openStore(databaseServer ?? files.database, { beforeUpgrade: keep, disk });
    endings.push(() => store.close());
    // Whatever is in the shared folder is touched by who serves alone.
    const lease = databaseServer === null ? null : await takeLease(store.database, files, options);
    endings.push(() => lease?.release());
    endings.push(() => disk.close());
    if (options.serving) disk.watch();
    const authority = await openAuthority(files.authority);
    const { fingerprint } = authority;
    const token = adminToken(files.adminToken);
    const vault = openVault(files.secretsKey);
    const backups = new Backups({ dataFolder: sharedFolder, fingerprint, database: store.database });
    const library = new Library({
      folder: files.library,
      store,
      authority,
      native,
      log,
    });
    await library.recover();
    const fileLibrary = new FileLibrary(files.files);
    const lost = fileLibrary.recover(await keptFiles(store));
    if (lost > 0) log.warn(`${lost} files that the database does not name are in ${files.files}/.lost now`);
    endings.push(() => fileLibrary.stop());

    const remotePoints = new RemotePoints(() => room.changed("figures"));
    // The room shows the director's sessions, and the director tells the room when they change.
    const room: RoomBoard = new RoomBoard({
      store,
      sessions: () => [...director.records(), ...remotePoints.sessions()],
      waiting: () => director.waiting.records(Date.now()),
      point: (stored) => remotePoints.record(stored),
      log,
    });
    const interfaceAddress = options.interfaceAddress ?? castInterface(options.addresses);
    const { timeToLive } = options;
    const properties = await openProperties(store, options);
    const { director, groups } = await openCasting(
      {
        store,
        content: library,
        native,
        interfaceAddress,
        properties,
        mtu: options.mtu,
        timeToLive,
        querier: options.querier,
        serving: options.serving,
        log,
        changed: () => room.changed("figures"),
      },
      endings,
    );
    const examinations = new Examinations({
      interfaceAddress,
      groups,
      get ports() {
        return properties.ports;
      },
      mtu: options.mtu,
      timeToLive,
      sessions: () => director.records(),
      log,
    });
    endings.push(() => examinations.stop());
    room.start();
    endings.push(() => room.stop());
    const tasks = new ContentTasks({
      importer: { library, store, authority, native },
      native,
      log,
      changed: () => room.changed("images"),
    });
    endings.push(() => tasks.stop());
    const packageContents = new PackageContents({
      importer: { library, store, authority, native },
      files: fileLibrary,
      log,
    });
    endings.push(() => packageContents.stop());

    await sealOldSecrets(vault, store.database);
    const passwords = new Passwords();
    const firstPassword = options.serving ? await firstAccount(store, passwords) : null;
    await store.audit.prune();
    const machineLogs = new MachineLogs(files.logs);
    endings.push(await pruning(store, machineLogs, log));
    const pxe = await Pxe.open(store);
    pxe.devices.onListChange = () => room.changed("devices");
    const waker = new Waker(log);
    endings.push(() => waker.stop());
    const wakes = new DeploymentWakes({ store, waker, log, changed: () => room.changed("deployments") });
    endings.push(() => wakes.stop());
    if (options.serving) wakes.start();
    let responder: PxeResponder | null = null;
    const names = certificateNames(options.addresses);
    const context: ApiContext = {
      store,
      backups,
      disk,
      authority,
      library,
      files: fileLibrary,
      tasks,
      packageContents,
      machineLogs,
      director,
      remotePoints,
      names,
      properties,
      examinations,
      room,
      devices: pxe.devices,
      pxe,
      waker,
      pxeServing: () => responder?.status ?? null,
      mediaFolder: options.mediaFolder,
      importFolder: options.importFolder,
      machineKeys: await MachineKeys.load(store.machines),
      adminTokenHash: hashSecret(token),
      passwords,
      vault,
      highRiskDevices: options.highRiskDevices,
      attempts: new FailedAttempts(),
      accountAttempts: new FailedAttempts(limits.failedSignIns),
      tokenAttempts: new FailedAttempts(),
      audit: new AuditLog(store.audit),
      log,
    };
    if (options.serving) {
      endings.push(startWebhook(context));
      await resumeCaptures(context);
      await packageContents.start();
    }
    const own = watchCertificate(options.certificate, log);
    endings.push(() => own.stop());
    const certificate = () => authority.serverCertificate(names, own.kind);
    const addresses = listenAddresses(options.addresses);
    const api = await startApi(context, {
      addPage,
      addresses,
      port: options.port,
      certificate: await certificate(),
      ownCertificate: (host) => own.contextFor(host),
    });
    endings.push(() => api.close());
    endings.push(renewing(api, certificate, log));
    if (options.pxe !== null) {
      makeFolder(files.pxe);
      const started = await PxeResponder.start({ ...options.pxe, pxe, folder: files.pxe, log });
      responder = started;
      endings.push(() => started.stop());
    }

    const location: SiteLocation = {
      address: addresses.includes("0.0.0.0") ? "127.0.0.1" : (addresses[0] ?? "127.0.0.1"),
      port: api.port,
      pid: process.pid,
      fingerprint,
    };
    if (options.serving) {
      writeFileDurably(files.location, JSON.stringify(location), 0o644);
      endings.push(() => rmSync(files.location, { force: true }));
    }
    await lease?.announce({ ...location, address: castInterface(options.addresses) });
    const failed = Promise.race([store.failed, ...(lease === null ? [] : [lease.lost])]);
    return { location, fingerprint, adminToken: token, firstPassword, failed, close: () => endings.close() };
  } catch (error) {
    await endings.close();
    throw error;
  }
}

/** What the command line says of them counts once: from then on they are changed by volley dp set and the page. */
async function openProperties(store: Store, options: SiteOptions): Promise<PointProperties> {
  const { log, point, serving } = options;
  const properties = await PointProperties.open(store.distributionPoint, point, serving);
  for (const name of ["groupRange", "portRange"] as const) {
    const kept = properties.current[name];
    if (point[name] === undefined || point[name] === kept) continue;
    log.warn(`the distribution point's ${name} stays ${kept}, not ${point[name]}: volley dp set changes it`);
  }
  return properties;
}

async function keptFiles({ captures, packages, sequences, stateStores }: Store): Promise<Set<string>> {
  const ofPackages = (await packages.list()).flatMap(({ fileId }) => (fileId === null ? [] : [fileId]));
  const ofSequences = (await sequences.list()).map(({ id }) => id);
  const ofCaptures = (await captures.listOpen()).map(({ file }) => file);
  return new Set([...ofPackages, ...ofSequences, ...ofCaptures, ...(await stateStores.files())]);
}
