/** The site's memory: one database, seen through one small class for each thing it keeps. */
import type { VolleyError } from "../../contract/errors.ts";
import { openDatabase, type DatabaseOptions, type DatabasePlace } from "./database.ts";
import type { Database } from "./schema.ts";
import { AccountStore } from "./accounts.ts";
import { ApiTokenStore } from "./api-tokens.ts";
import { AssignmentStore } from "./assignments.ts";
import { AuditStore } from "./audit.ts";
import { CaptureStore } from "./captures.ts";
import { CollectionStore, isMember } from "./collections.ts";
import { CredentialStore } from "./credentials.ts";
import { DeploymentReportStore } from "./deployment-reports.ts";
import { DeploymentStore } from "./deployments.ts";
import { DeviceStore } from "./devices.ts";
import { DistributionPointStore } from "./distribution-point.ts";
import { DriverStore } from "./drivers.ts";
import { ImageStore } from "./images.ts";
import { MachineStore } from "./machines.ts";
import { PackageStore } from "./packages.ts";
import { PointStore } from "./points.ts";
import { PxeStore } from "./pxe.ts";
import { ReportStore } from "./reports.ts";
import { WakeStore } from "./wakes.ts";
import { SequenceRunStore } from "./sequence-runs.ts";
import { SequenceStore } from "./sequences.ts";
import { SessionStore } from "./sessions.ts";
import { SiteMessageStore } from "./site-messages.ts";
import { WebhookStore } from "./webhook.ts";
import { StatusMessageStore } from "./status-messages.ts";
import { RecoveryKeyStore } from "./recovery-keys.ts";
import { StateStore } from "./state-stores.ts";

export interface Store {
  readonly database: Database;
  readonly accounts: AccountStore;
  readonly tokens: ApiTokenStore;
  readonly audit: AuditStore;
  readonly devices: DeviceStore;
  readonly collections: CollectionStore;
  readonly images: ImageStore;
  readonly credentials: CredentialStore;
  readonly machines: MachineStore;
  readonly deployments: DeploymentStore;
  readonly assignments: AssignmentStore;
  readonly reports: ReportStore;
  readonly deploymentReports: DeploymentReportStore;
  readonly statusMessages: StatusMessageStore;
  readonly siteMessages: SiteMessageStore;
  readonly webhook: WebhookStore;
  readonly sessions: SessionStore;
  readonly distributionPoint: DistributionPointStore;
  readonly sequences: SequenceStore;
  readonly packages: PackageStore;
  readonly drivers: DriverStore;
  readonly wakes: WakeStore;
  readonly sequenceRuns: SequenceRunStore;
  readonly stateStores: StateStore;
  readonly recoveryKeys: RecoveryKeyStore;
  readonly captures: CaptureStore;
  readonly points: PointStore;
  readonly pxe: PxeStore;
  /** Resolves, once, with why nothing can be kept any more: the site has to end. */
  readonly failed: Promise<VolleyError>;
  close(): Promise<void>;
}

/** A folder is the database's own and belongs to the caller alone. Throws E_STORE, E_UPGRADE. */
export async function openStore(place: DatabasePlace, options: DatabaseOptions = {}): Promise<Store> {
  let fail: (failure: VolleyError) => void = () => undefined;
  const failed = new Promise<VolleyError>((resolve) => {
    fail = resolve;
  });
  const database = await openDatabase(place, (failure) => fail(failure), options);
  const devices = new DeviceStore(database);
  const collections = new CollectionStore(database);
  return {
    database,
    accounts: new AccountStore(database),
    tokens: new ApiTokenStore(database),
    audit: new AuditStore(database),
    devices,
    collections,
    images: new ImageStore(database),
    credentials: new CredentialStore(database),
    machines: new MachineStore(database),
    deployments: new DeploymentStore(database, {
      deviceOf: (machineId) => devices.ofMachine(machineId),
      of: (device) => collections.of(device),
      membersOf: async (collectionId) => {
        const collection = await collections.find(collectionId);
        if (collection === undefined) return [];
        return (await devices.list()).filter((device) => isMember(collection, device));
      },
    }),
    assignments: new AssignmentStore(database),
    reports: new ReportStore(database),
    deploymentReports: new DeploymentReportStore(database),
    statusMessages: new StatusMessageStore(database),
    siteMessages: new SiteMessageStore(database),
    webhook: new WebhookStore(database),
    sessions: new SessionStore(database),
    distributionPoint: new DistributionPointStore(database),
    sequences: new SequenceStore(database),
    packages: new PackageStore(database),
    drivers: new DriverStore(database),
    wakes: new WakeStore(database),
    sequenceRuns: new SequenceRunStore(database),
    stateStores: new StateStore(database),
    recoveryKeys: new RecoveryKeyStore(database),
    captures: new CaptureStore(database),
    points: new PointStore(database),
    pxe: new PxeStore(database),
    failed,
    close: () => database.destroy(),
  };
}
