/**
 * How every command but `volley site` works: it speaks HTTPS to the running site of a data folder, or, when none
 * runs, to one that it starts in this process on loopback for as long as it takes.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { SiteClient } from "../client.ts";
import { openLog } from "../log.ts";
import { readServing } from "../store/database.ts";
import type { HolderLocation } from "../store/holder-location.ts";
import type { SitePlace } from "./database.ts";
import { siteFiles, type SiteLocation, type SiteNative } from "../options.ts";
import { openSite, type RunningSite } from "../site.ts";

const pauseMs = 200;

/** Throws E_SITE_BUSY when another command keeps the folder to itself for too long. */
export async function withSite<Result>(
  place: SitePlace,
  loadNative: () => Promise<SiteNative>,
  work: (client: SiteClient) => Promise<Result>,
): Promise<Result> {
  const giveUpMs = Date.now() + limits.siteLockWaitMs;
  for (;;) {
    const running = (await runningSite(place)) ?? (await servingSite(place));
    if (running !== undefined) return await work(running).finally(() => running.close());
    let site: RunningSite;
    try {
      site = await openForOneCommand(place, await loadNative());
    } catch (error) {
      // A site that is just starting, or another command's: look again.
      if (toVolleyError(error).code !== "E_SITE_BUSY" || Date.now() > giveUpMs) throw error;
      await delay(pauseMs);
      continue;
    }
    const client = clientOf(place, site.location);
    try {
      return await work(client);
    } finally {
      client.close();
      await site.close();
    }
  }
}

/** The folder's site, if it answers. */
async function runningSite(place: SitePlace): Promise<SiteClient | undefined> {
  let client: SiteClient;
  try {
    const { location } = siteFiles(place.dataFolder);
    client = clientOf(place, JSON.parse(readFileSync(location, "utf8")) as SiteLocation);
  } catch {
    return undefined;
  }
  return await answering(client);
}

/** Of several processes of one database, the one that serves: this folder's may be waiting for its turn. */
async function servingSite(place: SitePlace): Promise<SiteClient | undefined> {
  if (place.databaseServer === null) return undefined;
  const location = await readServing(place.databaseServer);
  return location === null ? undefined : await answering(clientOf(place, location));
}

async function answering(client: SiteClient): Promise<SiteClient | undefined> {
  try {
    await client.get("/sessions");
    return client;
  } catch (error) {
    client.close();
    const { code } = toVolleyError(error);
    // Left behind by a site that was killed; its port may be anyone's by now.
    if (code === "E_SITE_UNREACHABLE" || code === "E_SITE_UNTRUSTED") return undefined;
    throw error;
  }
}

function clientOf({ dataFolder, sharedFolder }: SitePlace, location: HolderLocation): SiteClient {
  const files = siteFiles(dataFolder, sharedFolder);
  try {
    const authority = readFileSync(files.authorityCertificate, "utf8");
    const adminToken = readFileSync(files.adminToken, "utf8").trim();
    return new SiteClient({ address: location.address, port: location.port, authority, adminToken });
  } catch (error) {
    throw new VolleyError("E_FORBIDDEN", `The site's token cannot be read: ${(error as Error).message}`);
  }
}

async function openForOneCommand(place: SitePlace, native: SiteNative): Promise<RunningSite> {
  const files = siteFiles(place.dataFolder, place.sharedFolder);
  return await openSite({
    ...place,
    ended: new Promise(() => undefined),
    addresses: ["127.0.0.1"],
    port: 0,
    interfaceAddress: "127.0.0.1",
    point: {},
    mtu: 1500,
    timeToLive: 1,
    querier: null,
    native,
    mediaFolder: files.media,
    importFolder: files.imports,
    pxe: null,
    certificate: null,
    highRiskDevices: limits.highRiskDevices,
    peer: { address: null, port: 0 },
    followed: () => undefined,
    log: openLog({ file: files.log, quiet: true }),
    serving: false,
  });
}
