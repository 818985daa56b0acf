/** Puts a site together from its parts, starts them in the order they need each other, and ends them in reverse. */
import { rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { castInterface, certificateNames } from "./addresses.ts";
import { resumeCaptures } from "./api/captures.ts";
import type { ApiContext } from "./api/context.ts";
import { makeApi } from "./api/server.ts";
import type { Authority } from "./authority/authority.ts";
import type { Pxe } from "./boot/pxe.ts";
import { PxeResponder } from "./boot/pxe-responder.ts";
import { addPage } from "./dashboard/page.ts";
import { Endings } from "./endings.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { locationOf, type SiteFiles, type SiteLocation, type SiteOptions } from "./options.ts";
import {
  type Ground,
  openBooks,
  openBooting,
  openContentTasks,
  openGround,
  openLibraries,
  openRoom,
  openTrust,
} from "./parts.ts";
import { openPeerDoor } from "./peers/peer-door.ts";
import type { Front } from "./serving.ts";
import { makeFolder, writeFileDurably } from "./store/files.ts";
import { startWebhook } from "./webhook.ts";

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

/** Throws E_SITE_BUSY, E_STORE, E_SOCKET; nothing of it is left running then. */
export async function openSite(options: SiteOptions): Promise<RunningSite> {
  const endings = new Endings(options.log);
  try {
    const ground = await openGround(options, endings);
    const trust = await openTrust(options, ground);
    const libraries = await openLibraries(options, ground, trust, endings);
    const casting = await openRoom(options, { ...ground, ...libraries }, endings);
    const parts = {
      ...ground,
      ...trust,
      ...libraries,
      ...casting,
      ...openContentTasks(options, { ...ground, ...trust, ...libraries, ...casting }, endings),
      ...(await openBooting(options, { ...ground, ...casting }, endings)),
      ...(await openBooks(options, { ...ground, ...libraries }, endings)),
    };
    let responder: PxeResponder | null = null;
    const context: ApiContext = {
      ...parts,
      names: certificateNames(options.addresses),
      pxeServing: () => responder?.status ?? null,
      mediaFolder: options.mediaFolder,
      importFolder: options.importFolder,
      highRiskDevices: options.highRiskDevices,
      attempts: new FailedAttempts(),
      accountAttempts: new FailedAttempts(limits.failedSignIns),
      tokenAttempts: new FailedAttempts(),
      log: options.log,
    };
    const { doors, handler } = await openDoors(options, { context, front: ground.front }, endings);
    responder = await openResponder(options, parts, endings);
    const { adminToken: token, authority, firstPassword, lease, store } = parts;
    const { fingerprint } = authority;
    const location = locationOf(options, { port: doors.port, fingerprint });
    await announce(location, options, { ...parts, handler }, endings);
    const failed = Promise.race([store.failed, ...(lease === null ? [] : [lease.lost])]);
    return { location, fingerprint, adminToken: token, firstPassword, failed, close: () => endings.close() };
  } catch (error) {
    await endings.close();
    throw error;
  }
}

/** The API and the page, at the addresses where machines and people look for them; work that was begun goes on before. */
async function openDoors(
  options: SiteOptions,
  { context, front }: { context: ApiContext; front: Front },
  endings: Endings,
) {
  if (options.serving) {
    endings.push(startWebhook(context));
    await resumeCaptures(context);
    await context.packageContents.start();
  }
  const api = await makeApi(context, addPage);
  endings.push(() => api.close());
  const doors = await front.open(context.authority);
  endings.push(() => front.close());
  doors.serve(api.handler);
  return { doors, handler: api.handler };
}

async function openResponder(
  { log, pxe: place }: SiteOptions,
  { paths, pxe }: { paths: SiteFiles; pxe: Pxe },
  endings: Endings,
): Promise<PxeResponder | null> {
  if (place === null) return null;
  makeFolder(paths.pxe);
  const responder = await PxeResponder.start({ ...place, pxe, folder: paths.pxe, log });
  endings.push(() => responder.stop());
  return responder;
}

/** Where this process is now: for commands on this machine, and for other processes of the site. */
async function announce(
  location: SiteLocation,
  options: SiteOptions,
  at: Pick<Ground, "lease" | "paths"> & { authority: Authority; handler: RequestListener },
  endings: Endings,
): Promise<void> {
  const { authority, handler, lease, paths } = at;
  if (options.serving) {
    writeFileDurably(paths.location, JSON.stringify(location), 0o644);
    endings.push(() => rmSync(paths.location, { force: true }));
  }
  if (lease === null) return;
  const address = castInterface(options.addresses);
  if (!options.serving) return lease.announce({ ...location, address });
  const place = { address: options.peer.address ?? address, port: options.peer.port };
  const peers = await openPeerDoor({ ...place, authority, handler });
  endings.push(() => peers.close());
  await lease.announce({ ...location, address, peer: peers.location });
}
