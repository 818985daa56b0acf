/** What a site is started with, and where its files and it itself are found. */
import { join } from "node:path";
import type { DistributionPointChange } from "../contract/distribution-point.ts";
import { listenAddresses } from "./addresses.ts";
import type { CertificateFiles } from "./authority/own-certificate.ts";
import type { PxePlace } from "./boot/pxe-responder.ts";
import type { QuerierWish } from "./casting/igmp-querier.ts";
import type { IgmpDoor } from "./casting/igmp-watch.ts";
import type { CastingDoor } from "./casting/session-opener.ts";
import type { ImportDoor } from "./content/import.ts";
import type { VerifyDoor } from "./content/verify.ts";
import type { Log } from "./log.ts";
import type { DatabaseServer } from "./store/server-database.ts";

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
  /** Where processes that wait bring what they were asked; address null = as machines reach the site, port 0 = any. */
  peer: { address: string | null; port: number };
  /** Called, again and again, while this process answers at all its addresses for another that serves. */
  followed: (location: SiteLocation) => void;
  /** True for a site that machines use: it goes on with its sessions and says where it is in site.json. */
  serving: boolean;
}

/** DATA/site.json: how a command finds the running site. */
export interface SiteLocation {
  address: string;
  port: number;
  pid: number;
  fingerprint: string;
}

export type SiteFiles = ReturnType<typeof siteFiles>;

export function siteFiles(dataFolder: string, sharedFolder = dataFolder) {
  return {
    location: join(dataFolder, "site.json"),
    adminToken: join(sharedFolder, "admin-token"),
    siteId: join(sharedFolder, "site-id"),
    authority: join(sharedFolder, "authority"),
    authorityCertificate: join(sharedFolder, "authority", "authority.pem"),
    secretsKey: join(sharedFolder, "authority", "secrets.key"),
    serverCertificate: join(dataFolder, dataFolder === sharedFolder ? "authority" : "certificate"),
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

/** Where a process with these options is, at the port that it got. */
export function locationOf(
  { addresses }: SiteOptions,
  at: { port: number; fingerprint: string },
): SiteLocation {
  const [first = "0.0.0.0"] = listenAddresses(addresses);
  return { address: first === "0.0.0.0" ? "127.0.0.1" : first, pid: process.pid, ...at };
}
