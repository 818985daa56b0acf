/** The tables of sequences, of packages and drivers, and of what machines keep at the site. As schema.ts has the others. */
import type { ColumnType } from "kysely";
import type { MulticastUse } from "../../contract/common.ts";
import type { PackageProgram } from "../../contract/sequence.ts";
import type { Integer64, Json } from "./columns.ts";

export interface SequenceTable {
  /** Also of its file. */
  id: string;
  name: string;
  /** In upper case. */
  package_id: string | null;
  file_name: string;
  bytes: Integer64;
  hash: string;
  added: string;
  /** From 1, of those of its name. */
  version: number;
  /** Null: see `unchecked`. */
  check_json: string | null;
  unchecked: string;
}

/** The version that a machine began, where the deployment takes the latest. */
export interface SequenceHoldTable {
  deployment_id: string;
  machine_id: string;
  sequence_id: string;
}

export interface PackageTable {
  /** In upper case. */
  package_id: string;
  name: string;
  kind: "folder" | "file" | "image";
  /** Null for an image, as the hash. */
  file_id: string | null;
  file_name: string | null;
  bytes: Integer64;
  hash: string | null;
  /** Of an image, or of what is cast in the file's place. */
  image_id: string | null;
  multicast: MulticastUse;
  encrypt: boolean;
  /** Null for what is no package of drivers. */
  driver_category: string | null;
  /** Its INF files are in the tables of drivers. */
  drivers_read: ColumnType<boolean, boolean | undefined, boolean>;
  programs: Json<PackageProgram[]>;
  added: string;
  shared: ColumnType<boolean, undefined, boolean>;
}

/** An INF file of a package. */
export interface DriverTable {
  package_id: string;
  path: string;
  provider: string;
  class_name: string;
  date: string;
  version: string;
  identifiers: number;
}

export interface DriverIdentifierTable {
  /** In capitals. */
  identifier: string;
  package_id: string;
  path: string;
}

/** A machine's run of a deployment's task sequence. */
export interface SequenceRunTable {
  deployment_id: string;
  machine_id: string;
  /** Hex; never logged, answered to this machine alone. */
  secret_key: string;
  run_id: string | null;
  serial: Integer64 | null;
  checkpoint: string | null;
}

/** The user state that a machine has stored. */
export interface StateStoreTable {
  machine_id: string;
  /** Of what is stored; hex, never logged. */
  secret_key: string;
  /** Of what will be stored next; empty when none was asked for. */
  next_key: string;
  file_id: string | null;
  bytes: Integer64;
  hash: string;
  expires: string;
}

/** A recovery password that a machine gave its site to keep. */
export interface RecoveryKeyTable {
  machine_id: string;
  /** Its identifier, in braces. */
  protector: string;
  drive: string;
  /** Sealed. */
  password: string;
  /** Its name: a deployment may be removed, and its machines' disks stay locked. */
  deployment: string;
  kept: string;
}
