/** Before a site serves on a database that others may share: whose turn it is, and whose version. */
import { existsSync } from "node:fs";
import { VolleyError } from "../contract/errors.ts";
import { missingAddresses } from "./addresses.ts";
import { openAuthority } from "./authority/authority.ts";
import { keepBeforeUpgrade } from "./backup/backups.ts";
import type { Log } from "./log.ts";
import { isDatabaseThere, type BeforeUpgrade, type Database } from "./store/database.ts";
import { refuseServed, SiteLease, type LeaseOptions } from "./store/lease.ts";

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
): Promise<SiteLease> {
  const { addresses, ended, log, serving: wait } = options;
  const hindrance = (): string | null => {
    const missing = missingAddresses(addresses);
    return missing.length === 0 ? null : `this machine does not have the address ${missing.join(", ")}`;
  };
  const contentFolders = [authority, library, files];
  return SiteLease.take({ database, siteIdFile: siteId, contentFolders, hindrance, wait, ended, log });
}
