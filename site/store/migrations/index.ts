/** Every step from an empty database to today's tables, in order. A released step is never edited: add another. */
import type { Migration, MigrationProvider } from "kysely/migration";
import { accounts } from "./accounts.ts";
import { capturedImages } from "./captured-images.ts";
import { captures } from "./captures.ts";
import { children } from "./children.ts";
import { deploymentReports } from "./deployment-reports.ts";
import { contentMulticast } from "./content-multicast.ts";
import { deployments } from "./deployments.ts";
import { devices } from "./devices.ts";
import { distributionPoint } from "./distribution-point.ts";
import { deviceVariables } from "./device-variables.ts";
import { downloads } from "./downloads.ts";
import { driverCatalogue } from "./driver-catalogue.ts";
import { encryption } from "./encryption.ts";
import { images } from "./images.ts";
import { machines } from "./machines.ts";
import { multicastOnly } from "./multicast-only.ts";
import { pointPackages } from "./point-packages.ts";
import { points } from "./points.ts";
import { pxe } from "./pxe.ts";
import { pxeClearings } from "./pxe-clearings.ts";
import { recoveryKeys } from "./recovery-keys.ts";
import { sessionImages } from "./session-images.ts";
import { sequenceVersions } from "./sequence-versions.ts";
import { sequences } from "./sequences.ts";
import { sharedPackages } from "./shared-packages.ts";
import { siteMessages } from "./site-messages.ts";
import { sessions } from "./sessions.ts";
import { siteLease } from "./site-lease.ts";
import { slowClients } from "./slow-clients.ts";
import { statusMessages } from "./status-messages.ts";
import { statuses } from "./statuses.ts";
import { wake } from "./wake.ts";

const steps: Record<string, Migration> = {
  "0001-images": images,
  "0002-machines": machines,
  "0003-deployments": deployments,
  "0004-sessions": sessions,
  "0005-statuses": statuses,
  "0006-sequences": sequences,
  "0007-slow-clients": slowClients,
  "0008-multicast-only": multicastOnly,
  "0009-session-images": sessionImages,
  "0010-captures": captures,
  "0010-pxe": pxe,
  "0011-children": children,
  "0012-device-variables": deviceVariables,
  "0013-pxe-clearings": pxeClearings,
  "0014-accounts": accounts,
  "0015-devices": devices,
  "0016-distribution-point": distributionPoint,
  "0017-shared-packages": sharedPackages,
  "0018-status-messages": statusMessages,
  "0020-wake": wake,
  "0030-captured-images": capturedImages,
  "0050-site-lease": siteLease,
  "0060-content-multicast": contentMulticast,
  "0061-sequence-versions": sequenceVersions,
  "0062-driver-catalogue": driverCatalogue,
  "0063-site-messages": siteMessages,
  "0080-points": points,
  "0090-recovery-keys": recoveryKeys,
  "0091-encryption": encryption,
  "0092-downloads": downloads,
  "0093-deployment-reports": deploymentReports,
  "0094-point-packages": pointPackages,
};

export const migrations: MigrationProvider = { getMigrations: async () => steps };

export const knownMigrations: readonly string[] = Object.keys(steps);

/** Those alone, which a backup's database had been through. */
export const migrationsNamed = (names: readonly string[]): MigrationProvider => ({
  getMigrations: async () =>
    Object.fromEntries(Object.entries(steps).filter(([name]) => names.includes(name))),
});
