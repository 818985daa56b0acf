/** The tables as Kysely sees them. Times are ISO 8601 in UTC, secrets hex; `jsonb` columns are written as text. */
import type { ColumnType, Generated, Kysely } from "kysely";
import type { AuditEntry, Role } from "../../contract/accounts.ts";
import type { EndReason, SlowClients } from "../../contract/administration.ts";
import type { DiskRule } from "../../contract/deployment.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Outcome, Plan } from "../../contract/report.ts";
import type { ErrorAnswer, MulticastUse } from "../../contract/common.ts";
import type { CollectionRule, DeviceState } from "../../contract/devices.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { PxeProperties } from "../../contract/pxe.ts";
import type { SequenceVariable } from "../../contract/sequence.ts";
import type { Severity } from "../../contract/status-messages.ts";
import type { Integer64, Json } from "./columns.ts";
import type { HolderLocation } from "./holder-location.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import type { PasswordProof, PxePasswordProof } from "./password-proofs.ts";
import type { DeploymentReportTable, ReportTable } from "./report-tables.ts";
import type { PointImageTable, PointPackageTable, PointTable } from "./point-tables.ts";
import type {
  SequenceTable,
  SequenceHoldTable,
  PackageTable,
  DriverTable,
  DriverIdentifierTable,
  SequenceRunTable,
  StateStoreTable,
  RecoveryKeyTable,
} from "./sequence-tables.ts";

export type PxeStoredProperties = Omit<PxeProperties, "password"> & { password: PxePasswordProof | null };

export interface ImageTable {
  id: string;
  name: string;
  root: string;
  bytes: Integer64;
  content_bytes: Integer64;
  smallest_disk_bytes: Integer64;
  sector_bytes: number;
  /** Bit 0 BIOS, bit 1 UEFI, as in the manifest. */
  firmware: number;
  chunks: number;
  holes: number;
  imported: string;
  purpose: ColumnType<"image" | "package", "image" | "package" | undefined, never>;
  multicast: ColumnType<MulticastUse, MulticastUse | undefined, MulticastUse>;
  encrypt: ColumnType<boolean, boolean | undefined, boolean>;
}

export interface CredentialTable {
  id: string;
  token_hash: string;
  uses_left: number;
  expires: string;
  created: string;
  /** Whether who enrols with it is approved by that. */
  approves: ColumnType<boolean, boolean | undefined, boolean>;
}

export interface MachineTable {
  id: string;
  key_hash: string;
  /** What is the same when this machine enrols again; null when it said too little to tell. */
  identity: string | null;
  facts: Json<MachineFacts>;
  enrolled: string;
  last_seen: string;
}

export interface DeploymentTable {
  id: string;
  name: string;
  image_id: string | null;
  sequence_id: string | null;
  /** It changes to each new version of the sequence. */
  sequence_latest: ColumnType<boolean, boolean | undefined, never>;
  /** Null: all of the site's. */
  packages: Json<string[]> | null;
  /** With secrets: never in a record, never logged. */
  variables: Json<SequenceVariable[]>;
  all_machines: boolean;
  disk: Json<DiskRule>;
  unattended: boolean;
  purpose: "available" | "required";
  multicast: boolean;
  multicast_only: boolean;
  rate_mbps: number;
  /** Null: nothing is done with slow machines. */
  slow_clients: Json<SlowClients> | null;
  open: boolean;
  created: string;
  /** In the place of machines. */
  collection_id: string | null;
  starts: string | null;
  expires: string | null;
  subnets: Json<string[]>;
  wake: ColumnType<boolean, boolean | undefined, never>;
  /** When it woke its machines. */
  woken: ColumnType<string | null, undefined, string>;
  /** The account or token; empty for what came before it was kept. */
  created_by: ColumnType<string, string | undefined, never>;
}

/** Which machines a deployment names, when it is not for all. */
export interface DeploymentMachineTable {
  deployment_id: string;
  machine_id: string;
}

/** Task sequences that a deployment's own may run. */
export interface DeploymentChildTable {
  deployment_id: string;
  sequence_id: string;
}

/** How far a machine is in a deployment. */
export interface AssignmentTable {
  machine_id: string;
  deployment_id: string;
  state: "enrolled" | "planned" | "working" | "succeeded" | "failed";
  plan: Json<Plan | null> | null;
  outcome: Json<Outcome | null> | null;
  error: Json<ErrorAnswer | null> | null;
  notice: string;
  updated: string;
}

/** What the site itself told. */
export interface SiteMessageTable {
  sequence: Generated<number | bigint | string>;
  time: string;
  message_id: number;
  severity: Severity;
  message: string;
  text: string;
}

/** One row, or none. */
export interface WebhookTable {
  id: number;
  url: string;
  /** Sealed: never in an answer, never logged. */
  secret: string;
  least: Severity;
  report_sequence: Integer64;
  site_sequence: Integer64;
  failures: number;
  problem: string;
  delivered: string | null;
  not_before: string;
}

export interface SessionTable {
  id: string;
  /** Null: machines download a shared package. */
  deployment_id: string | null;
  image_id: string;
  number: Integer64;
  stream: number;
  group_address: string;
  port: number;
  mtu: number;
  encrypted: ColumnType<boolean, boolean, never>;
  /** The last start number that was, or may have been, used. */
  start: Integer64;
  session_key: string;
  feedback_secret: string;
  /** Both 0 before the first start. */
  feedback_port: number;
  unicast_port: number;
  next_receiver: number;
  multicast_bytes: Integer64;
  unicast_bytes: Integer64;
  parity_part: number;
  open: boolean;
  created: string;
  /** Both null while it is open. */
  ended: ColumnType<string | null, undefined, string>;
  end_reason: ColumnType<EndReason | null, undefined, EndReason>;
  end_detail: ColumnType<string, undefined, string>;
}

/** Since when an image of a deployment waits to be cast. */
export interface SessionWaitTable {
  deployment_id: string;
  image_id: string;
  first_request: string;
  released: boolean;
}

/** One row. */
export interface DistributionPointTable {
  id: number;
  properties: Json<DistributionPoint>;
}

/** Each join of a machine is a receiver of its own. */
export interface ParticipantTable {
  session_id: string;
  receiver: number;
  machine_id: string;
  finished: boolean;
  /** Why the site has moved the machine; empty: it has not. */
  moved: string;
}

/** One row. With what passwords are checked by: never answered, never logged. */
export interface PxePropertiesTable {
  id: number;
  properties: Json<PxeStoredProperties>;
}

/** Computers, whether they were told of, wait, or have enrolled. */
export interface DeviceTable {
  id: string;
  name: string;
  uuid: string | null;
  mac: string | null;
  state: DeviceState;
  added: string;
  machine_id: string | null;
  /** With secrets, sealed: never in a record, never logged. */
  variables: ColumnType<SequenceVariable[], string | undefined, string>;
}

export interface CollectionTable {
  id: string;
  name: string;
  rule: Json<CollectionRule> | null;
  /** With secrets, sealed: never in a record, never logged. */
  variables: ColumnType<SequenceVariable[], string | undefined, string>;
  created: string;
}

/** Devices that a collection names. */
export interface CollectionDeviceTable {
  collection_id: string;
  device_id: string;
}

/** When a machine took a deployment's answer, until that is cleared. */
export interface PxeAnswerTable {
  deployment_id: string;
  /** The machine's identifier. */
  computer: string;
  answered: string;
}

/** When a machine was cleared: what it reported before does not hold its next start back. */
export interface PxeClearingTable {
  machine_id: string;
  cleared: string;
}

/** A disk image that a machine captured, on its way into the library or there. */
export interface CapturedDiskTable {
  upload_id: string;
  name: string;
  /** In the file library, until the import has ended. */
  file: string;
  /** Of the image that it becomes, once it does; null for what an earlier release took. */
  image_id: string | null;
  open: boolean;
  added: string;
}

export interface AccountTable {
  id: string;
  name: string;
  role: Role;
  /** Never answered, never logged. */
  password: Json<PasswordProof>;
  must_change: boolean;
  disabled: boolean;
  created: string;
  last_sign_in: string | null;
}

/** Who is signed in on the page. */
export interface PageSessionTable {
  token_hash: string;
  account_id: string;
  created: string;
  expires: string;
}

export interface ApiTokenTable {
  id: string;
  name: string;
  role: Role;
  token_hash: string;
  created: string;
  created_by: string;
  expires: string;
  last_used: string | null;
}

/** Append-only: see migrations/accounts. */
export interface AuditEntryTable extends Omit<AuditEntry, "sequence"> {
  sequence: Generated<number | bigint | string>;
}

/** One row: see store/lease.ts. */
export interface SiteLeaseTable {
  id: number;
  site_id: string;
  holder: string | null;
  process: Json<ProcessIdentity> | null;
  location: Json<HolderLocation> | null;
  /** By the database's clock. */
  until: ColumnType<Date, never, never> | null;
}

export interface Tables {
  point: PointTable;
  point_image: PointImageTable;
  point_package: PointPackageTable;
  account: AccountTable;
  page_session: PageSessionTable;
  api_token: ApiTokenTable;
  audit_entry: AuditEntryTable;
  image: ImageTable;
  credential: CredentialTable;
  machine: MachineTable;
  deployment: DeploymentTable;
  deployment_machine: DeploymentMachineTable;
  deployment_child: DeploymentChildTable;
  assignment: AssignmentTable;
  report: ReportTable;
  deployment_report: DeploymentReportTable;
  site_message: SiteMessageTable;
  webhook: WebhookTable;
  session: SessionTable;
  session_wait: SessionWaitTable;
  distribution_point: DistributionPointTable;
  participant: ParticipantTable;
  sequence: SequenceTable;
  package: PackageTable;
  driver: DriverTable;
  driver_identifier: DriverIdentifierTable;
  sequence_hold: SequenceHoldTable;
  sequence_run: SequenceRunTable;
  state_store: StateStoreTable;
  recovery_key: RecoveryKeyTable;
  captured_disk: CapturedDiskTable;
  pxe_properties: PxePropertiesTable;
  device: DeviceTable;
  collection: CollectionTable;
  collection_device: CollectionDeviceTable;
  pxe_answer: PxeAnswerTable;
  pxe_clearing: PxeClearingTable;
  site_lease: SiteLeaseTable;
}

export function toNumber(value: number | bigint | string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} from the database is not a safe integer`);
  return number;
}

export type Database = Kysely<Tables>;
