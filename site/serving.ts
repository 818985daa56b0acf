/**
 * Before a site serves on a database that others may share: whose turn it is, whose version, and what is answered meanwhile.
 */
import { existsSync } from "node:fs";
import { toVolleyError, VolleyError } from "../contract/errors.ts";
import { certificateNames, listenAddresses, missingAddresses } from "./addresses.ts";
import { openAuthority, type Authority } from "./authority/authority.ts";
import { watchCertificate, type CertificateFiles, type OwnCertificate } from "./authority/own-certificate.ts";
import { keepBeforeUpgrade } from "./backup/backups.ts";
import { Doors } from "./doors.ts";
import type { Log } from "./log.ts";
import { Forwarder } from "./peers/forwarder.ts";
import { renewing } from "./renewing.ts";
import { isDatabaseThere, type BeforeUpgrade } from "./store/database.ts";
import type { Database } from "./store/schema.ts";
import { refuseServed, SiteLease, type LeaseOptions } from "./store/lease.ts";
import type { HolderLocation } from "./store/holder-location.ts";

/** Before the tables change under it: what is there is kept in a file, and nobody else works with it. */
export function keepUpgrading(
  dataFolder: string,
  files: { authority: string; secretsKey: string },
  log: Log,
): BeforeUpgrade {
  return async (database) => {
    await refuseServed(database);
    const { fingerprint } = await openAuthority(files.authority);
    await keepBeforeUpgrade({ dataFolder, fingerprint, secretsKey: files.secretsKey, log })(database);
  };
}

/**
 * The authority is made after the database: where it is alone, the database is gone, and a new one would make every file of
 * the site one that nobody knows. Throws E_STORE.
 */
export function refuseLostDatabase({
  authorityCertificate,
  database,
}: Record<"authorityCertificate" | "database", string>): void {
  if (!existsSync(authorityCertificate) || isDatabaseThere(database)) return;
  throw new VolleyError(
    "E_STORE",
    `This is a site's folder, but its database ${database} is missing. Put it back, restore a backup into another folder, ` +
      "or name the PostgreSQL server that it is on (--database).",
  );
}

/** An address that moves between machines makes the one serve that has it. Throws as `SiteLease.take`. */
export function takeLease(
  database: Database,
  { authority, files, library, siteId }: Record<"authority" | "files" | "library" | "siteId", string>,
  options: Pick<LeaseOptions, "ended" | "log"> & { addresses: readonly string[]; serving: boolean },
  front: Front,
): Promise<SiteLease> {
  const { addresses, ended, log, serving: wait } = options;
  const following = (other: HolderLocation | null) => front.follow(other);
  const hindrance = (): string | null => {
    const missing = missingAddresses(addresses);
    return missing.length === 0 ? null : `this machine does not have the address ${missing.join(", ")}`;
  };
  const contentFolders = [authority, library, files];
  const place = { database, siteIdFile: siteId, contentFolders };
  return SiteLease.take({ ...place, hindrance, wait, following, ended, log });
}

export interface FrontOptions {
  /** IPv4; none = all of this machine's. */
  addresses: readonly string[];
  /** 0 = any free one. */
  port: number;
  certificate: CertificateFiles | null;
  /** The authority's folder and certificate, and the folder of this process's own server certificate. */
  files: Record<"authority" | "authorityCertificate" | "serverCertificate", string>;
  /** Called with each look while this process answers at all its addresses for the one that serves. */
  followed: (at: { port: number; fingerprint: string }) => void;
  log: Log;
}

/** What the network sees of this process: the site itself, or, while another serves, what passes requests on to that. */
export class Front {
  readonly #options: FrontOptions;
  readonly #own: OwnCertificate;
  #doors: Doors | null = null;
  #forwarder: Forwarder | null = null;
  #stopRenewing = (): void => undefined;
  #told = "";

  /** Throws E_CERTIFICATE. */
  constructor(options: FrontOptions) {
    this.#options = options;
    this.#own = watchCertificate(options.certificate, options.log);
  }

  /** While the other serves, or nobody does. A process that cannot listen now waits all the same. */
  async follow(other: HolderLocation | null): Promise<void> {
    const { addresses, files, followed, log } = this.#options;
    this.#forwarder?.aim(other?.peer ?? null);
    // Whoever serves has made the keys.
    if (other?.peer === undefined || !existsSync(files.authorityCertificate)) return;
    try {
      const authority = await openAuthority(files.authority, files.serverCertificate);
      const doors = (this.#doors ??= await this.#make(authority));
      this.#forwarder ??= await this.#forward(doors, authority);
      this.#forwarder.aim(other.peer);
      const missing = missingAddresses(addresses);
      await doors.listen(listenAddresses(addresses).filter((address) => !missing.includes(address)));
      const told = `requests are passed on to the process that serves, at ${other.address}:${other.port}`;
      if (this.#told !== told) log.info(told);
      this.#told = told;
      if (missing.length === 0) followed({ port: doors.port, fingerprint: authority.fingerprint });
    } catch (error) {
      const { detail } = toVolleyError(error);
      if (this.#told !== detail) log.warn(`this process cannot pass requests on: ${detail}`);
      this.#told = detail;
    }
  }

  /** This process is to serve: until the doors are opened, who asks is told to ask again. */
  stopFollowing(): void {
    this.#forwarder?.close();
  }

  /** At all addresses. Throws E_SOCKET. */
  async open(authority: Authority): Promise<Doors> {
    const doors = (this.#doors ??= await this.#make(authority));
    await doors.listen(listenAddresses(this.#options.addresses));
    return doors;
  }

  close(): void {
    this.#stopRenewing();
    this.#own.stop();
    this.#forwarder?.close();
    this.#doors?.close();
  }

  async #forward(doors: Doors, authority: Authority): Promise<Forwarder> {
    const identity = await authority.peerCertificate();
    const forwarder = new Forwarder({ authority: authority.certificate, identity });
    doors.serve(forwarder.handle);
    return forwarder;
  }

  async #make(authority: Authority): Promise<Doors> {
    const { addresses, log, port } = this.#options;
    const certificate = () => authority.serverCertificate(certificateNames(addresses), this.#own.kind);
    const ownCertificate = this.#own.contextFor;
    const doors = new Doors({ port, certificate: await certificate(), ownCertificate });
    this.#stopRenewing = renewing(doors, certificate, log);
    return doors;
  }
}
