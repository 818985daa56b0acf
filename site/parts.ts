/** The parts of a site, group by group: each is opened on those before it, and says how it ends. */
import { castInterface } from "./addresses.ts";
import { AuditLog } from "./api/audit-log.ts";
import type { ApiContext } from "./api/context.ts";
import { MachineKeys } from "./api/machine-keys.ts";
import { sealOldSecrets } from "./api/secret-variables.ts";
import { openAuthority } from "./authority/authority.ts";
import { firstAccount } from "./authority/first-account.ts";
import { Passwords } from "./authority/passwords.ts";
import { adminToken, hashSecret } from "./authority/secrets.ts";
import { openVault } from "./authority/vault.ts";
import { Backups } from "./backup/backups.ts";
import { refuseUnfinishedRestore } from "./backup/restore.ts";
import { DeploymentWakes } from "./boot/deployment-wakes.ts";
import { Pxe } from "./boot/pxe.ts";
import { Waker } from "./boot/waker.ts";
import { Examinations } from "./casting/examinations.ts";
import { openCasting } from "./casting/open-casting.ts";
import { PointProperties } from "./casting/properties.ts";
import { FileLibrary } from "./content/files.ts";
import { Library } from "./content/library.ts";
import { MachineLogs } from "./content/machine-logs.ts";
import { PackageContents } from "./content/package-contents.ts";
import { ContentTasks } from "./content/tasks.ts";
import type { Endings } from "./endings.ts";
import { RemotePoints } from "./points.ts";
import { pruning } from "./pruning.ts";
import { RoomBoard } from "./room.ts";
import { Front, keepUpgrading, refuseLostDatabase, takeLease } from "./serving.ts";
import { locationOf, type SiteFiles, siteFiles, type SiteOptions } from "./options.ts";
import { DiskRoom } from "./store/disk-room.ts";
import type { SiteLease } from "./store/lease.ts";
import { lockFolder } from "./store/lock.ts";
import { openStore, type Store } from "./store/store.ts";
import { waitingRecords, type PlacedWait } from "./waiting-records.ts";
import { countText } from "./quantities.ts";

/** What is this process's alone when it serves: its folder, its turn in the database. */
export interface Ground {
  paths: SiteFiles;
  disk: DiskRoom;
  store: Store;
  front: Front;
  /** Null where the database is the data folder's own. */
  lease: SiteLease | null;
}

/** Resolves when it is this process's turn. Throws E_SITE_BUSY, E_STORE. */
export async function openGround(options: SiteOptions, endings: Endings): Promise<Ground> {
  const { databaseServer, log, sharedFolder } = options;
  const paths = siteFiles(options.dataFolder, sharedFolder);
  const lock = await lockFolder(options.dataFolder);
  endings.push(() => lock.release());
  refuseUnfinishedRestore(sharedFolder);
  if (databaseServer === null) refuseLostDatabase(paths);
  const keep = keepUpgrading(sharedFolder, paths, log);
  const disk = new DiskRoom(sharedFolder, log);
  const store = await openStore(databaseServer ?? paths.database, { beforeUpgrade: keep, disk });
  endings.push(() => store.close());
  const front = new Front({
    ...options,
    files: paths,
    followed: (at) => options.followed(locationOf(options, at)),
  });
  endings.push(() => front.close());
  // Whatever is in the shared folder is changed by who serves alone.
  const lease = databaseServer === null ? null : await takeLease(store.database, paths, options, front);
  front.stopFollowing();
  endings.push(() => lease?.release());
  endings.push(() => disk.close());
  if (options.serving) disk.watch();
  return { paths, disk, store, front, lease };
}

export type Trust = Pick<ApiContext, "authority" | "adminTokenHash" | "backups" | "passwords" | "vault"> & {
  adminToken: string;
  /** Of the account that was made since there was none. */
  firstPassword: string | null;
};

export async function openTrust(options: SiteOptions, { paths, store }: Ground): Promise<Trust> {
  const { serving, sharedFolder } = options;
  const authority = await openAuthority(paths.authority, paths.serverCertificate);
  const { fingerprint } = authority;
  const token = adminToken(paths.adminToken);
  const vault = openVault(paths.secretsKey);
  await sealOldSecrets(vault, store.database);
  const passwords = new Passwords();
  return {
    authority,
    adminToken: token,
    adminTokenHash: hashSecret(token),
    backups: new Backups({ dataFolder: sharedFolder, fingerprint, database: store.database }),
    passwords,
    vault,
    firstPassword: serving ? await firstAccount(store, passwords) : null,
  };
}

export type Libraries = Pick<ApiContext, "files" | "library" | "machineLogs">;

/** What an end without notice left there in halves is put right. */
export async function openLibraries(
  { log, native }: SiteOptions,
  { paths, store }: Ground,
  { authority }: Trust,
  endings: Endings,
): Promise<Libraries> {
  const library = new Library({
    folder: paths.library,
    store,
    authority,
    native,
    packageContents: "made",
    log,
  });
  await library.recover();
  const files = new FileLibrary(paths.files);
  const lost = files.recover(await keptFiles(store));
  if (lost > 0) log.warn(`${countText(lost, "file")} that no row names: now in ${paths.files}/.lost`);
  endings.push(() => files.stop());
  return { files, library, machineLogs: new MachineLogs(paths.logs) };
}

export type Casting = Pick<
  ApiContext,
  "director" | "examinations" | "properties" | "remotePoints" | "room" | "senderAddress"
>;

/** The sessions, and the board that shows them. */
export async function openRoom(
  options: SiteOptions,
  { library, store }: Ground & Libraries,
  endings: Endings,
): Promise<Casting> {
  const { log, mtu, timeToLive } = options;
  const remotePoints = new RemotePoints(() => room.changed("figures"));
  const waits = (): PlacedWait[] => [...director.waiting.current(Date.now()), ...remotePoints.waits()];
  // The room shows the director's sessions, and the director tells the room when they change.
  const room: RoomBoard = new RoomBoard({
    store,
    sessions: () => [...director.records(), ...remotePoints.sessions()],
    waiting: () => waitingRecords(waits(), store.deployments),
    point: (stored) => remotePoints.record(stored),
    log,
  });
  const interfaceAddress = options.interfaceAddress ?? castInterface(options.addresses);
  const properties = await openProperties(store, options);
  const changed = (): void => room.changed("figures");
  const { director, groups } = await openCasting(
    { ...options, store, content: library, interfaceAddress, properties, changed },
    endings,
  );
  const examinations = new Examinations({
    interfaceAddress,
    groups,
    get ports() {
      return properties.ports;
    },
    mtu,
    timeToLive,
    sessions: () => director.records(),
    log,
  });
  endings.push(() => examinations.stop());
  room.start();
  endings.push(() => room.stop());
  return { director, examinations, properties, remotePoints, room, senderAddress: interfaceAddress };
}

/** Imports, verifications, and what packages are made into. */
export function openContentTasks(
  { log, native }: SiteOptions,
  { authority, files, library, room, store }: Ground & Trust & Libraries & Casting,
  endings: Endings,
): Pick<ApiContext, "packageContents" | "tasks"> {
  const importer = { library, store, authority, native };
  const tasks = new ContentTasks({ importer, native, log, changed: () => room.changed("images") });
  endings.push(() => tasks.stop());
  const packageContents = new PackageContents({
    importer,
    files,
    changed: () => room.changed("points"),
    log,
  });
  endings.push(() => packageContents.stop());
  return { packageContents, tasks };
}

/** What is known of computers that start from the network, and what wakes them. */
export async function openBooting(
  { log, serving }: SiteOptions,
  { room, store }: Ground & Casting,
  endings: Endings,
): Promise<Pick<ApiContext, "devices" | "pxe" | "waker">> {
  const pxe = await Pxe.open(store);
  pxe.devices.onListChange = () => room.changed("devices");
  const waker = new Waker(log);
  endings.push(() => waker.stop());
  const wakes = new DeploymentWakes({ store, waker, log, changed: () => room.changed("deployments") });
  endings.push(() => wakes.stop());
  if (serving) wakes.start();
  return { devices: pxe.devices, pxe, waker };
}

/** What is kept for a set time, and who did what. */
export async function openBooks(
  { log }: SiteOptions,
  { files, machineLogs, store }: Ground & Libraries,
  endings: Endings,
): Promise<Pick<ApiContext, "audit" | "machineKeys">> {
  await store.audit.prune();
  endings.push(await pruning({ store, machineLogs, files }, log));
  return { audit: new AuditLog(store.audit), machineKeys: await MachineKeys.load(store.machines) };
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
