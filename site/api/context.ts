/** What the API's resources work on. The composition root (site/site.ts) fills it. */
import type { FailedAttempts } from "../failed-attempts.ts";
import type { Authority } from "../authority/authority.ts";
import type { Passwords } from "../authority/passwords.ts";
import type { Vault } from "../authority/vault.ts";
import type { Backups } from "../backup/backups.ts";
import type { PxeStatus } from "../../contract/pxe.ts";
import type { Pxe } from "../boot/pxe.ts";
import type { Waker } from "../boot/waker.ts";
import type { Director } from "../casting/director.ts";
import type { PointProperties } from "../casting/properties.ts";
import type { Examinations } from "../casting/examinations.ts";
import type { FileLibrary } from "../content/files.ts";
import type { Library } from "../content/library.ts";
import type { MachineLogs } from "../content/machine-logs.ts";
import type { PackageContents } from "../content/package-contents.ts";
import type { ContentTasks } from "../content/tasks.ts";
import type { Devices } from "../devices/devices.ts";
import type { Log } from "../log.ts";
import type { RemotePoints } from "../points.ts";
import type { RoomBoard } from "../room.ts";
import type { DiskRoom } from "../store/disk-room.ts";
import type { Store } from "../store/store.ts";
import type { AuditLog } from "./audit-log.ts";
import type { MachineKeys } from "./machine-keys.ts";

export interface ApiContext {
  store: Store;
  backups: Backups;
  disk: DiskRoom;
  authority: Authority;
  library: Library;
  files: FileLibrary;
  tasks: ContentTasks;
  packageContents: PackageContents;
  machineLogs: MachineLogs;
  director: Director;
  remotePoints: RemotePoints;
  /** Addresses and names by which the site itself is reached. */
  names: readonly string[];
  /** IPv4 address that sessions are cast from, and taken reports at. */
  senderAddress: string;
  properties: PointProperties;
  examinations: Examinations;
  room: RoomBoard;
  /** What PXE knows computers by. */
  devices: Devices;
  pxe: Pxe;
  waker: Waker;
  /** Null where PXE is not served. */
  pxeServing: () => PxeStatus["serving"];
  /** What volley media build made, for machines that restart into it; may not be there. */
  mediaFolder: string;
  /** What people who are not at the site's machine import from. */
  importFolder: string;
  machineKeys: MachineKeys;
  adminTokenHash: string;
  passwords: Passwords;
  vault: Vault;
  /** Deployments that act by themselves on more devices have to be confirmed. */
  highRiskDevices: number;
  /** By address: wrong credentials and passwords. */
  attempts: FailedAttempts;
  /** By account. */
  accountAttempts: FailedAttempts;
  /** By address: wrong tokens of programs, which are not to keep machines of that address out. */
  tokenAttempts: FailedAttempts;
  audit: AuditLog;
  log: Log;
}
