/**
 * What the agent needs of an operating system. One file or folder for each system implements it; index.ts chooses.
 * Elsewhere only what is named for a system knows which one it runs on: steps of its own, ways to leave it for a PE.
 */
import type { MachineFacts } from "../../contract/machine.ts";
import type { MachineNetwork } from "./machine-network.ts";
import type { SequenceMachine } from "./sequence-machine.ts";
import type { WindowsGround } from "./windows/ground.ts";

/**
 * "disk" is hardware. "loop" (a loop device with a backing file) and "file" (a regular file of the disk's size) stand
 * for one in demonstrations and tests, and are taken only when they are named. "virtual" is made of memory or of other
 * disks, and never taken.
 */
export type DiskKind = "disk" | "loop" | "file" | "virtual";

export interface PartitionFacts {
  /** "/dev/sda1", or "partition 1" of a file. */
  name: string;
  sizeBytes: number;
  /** "ext4", "ntfs", …; empty when not known. */
  fileSystem: string;
  /** Label of the file system or, without one, of the partition; empty when there is none. */
  label: string;
  /** As the system's own programs number it, where they do. */
  number?: number;
  /** "C", where the system has given its volume one. */
  letter?: string;
  /** A GUID, or "0x07" of an MBR, where the system says so with the rest. */
  type?: string;
}

export interface DiskFacts {
  path: string;
  /** As the system's own programs number it, where they do. */
  number?: number;
  kind: DiskKind;
  /** Names the same disk after a restart, also when the system has given it another path. */
  identity: string;
  sizeBytes: number;
  /** Logical sector size; null for a file, which takes any. */
  sectorBytes: number | null;
  /** Empty when not known. */
  model: string;
  serial: string;
  /** It is meant to come and go, or its medium is: cards, sticks, disks in USB cases. */
  removable: boolean;
  /** How it is attached, such as "usb" and "nvme", where the system says so in a word. */
  bus?: string;
  readOnly: boolean;
  /** Why the running system depends on it, phrases such as "holds the root file system (/dev/sda2)". */
  systemUses: string[];
  /** What else uses it now, phrases such as "/dev/sdb1 is mounted at /mnt". */
  otherUses: string[];
  partitions: PartitionFacts[];
}

export type Hardware = Omit<MachineFacts, "name" | "agentVersion">;

/** Something only one process may have; the system gives it back when the process ends, however it ends. */
export interface Hold {
  release(): void;
}

/** What keeps datagrams out that nobody here asked for. */
export interface Firewall {
  /** Lets this program receive UDP. False where that could not be done, and the session will show what comes. */
  open(): Promise<boolean>;
  /** Undoes it, also what an agent that was killed has left open; may be called without `open`. */
  close(): Promise<void>;
}

/** After an image was written. */
export interface Fitting {
  /**
   * Before a disk is written: identifiers of its GPT's partitions, in lower case; none when it has no such table. Words of a
   * system's own may stand among them, for `fit`.
   */
  partitionsOf(path: string): Promise<string[]>;
  /**
   * Windows' volume is grown to the disk, identifiers become the disk's own, and the firmware's boot entries go that lead to
   * partitions that were on it. Answers what was done, sentences. Rejects with E_TOOL_FAILED, E_TOOL_MISSING.
   */
  fit(path: string, wish: FitWish): Promise<string[]>;
  /**
   * An NTFS volume that was written to `device` ("/dev/sda3", "\\\\.\\C:") takes all of its partition, with a serial number of its
   * own. Answers what was done, sentences without their stop; none for another file system. Rejects as `fit`.
   */
  fitVolume(device: string): Promise<string[]>;
}

export interface FitWish {
  /** As `partitionsOf` told them. */
  partitionsBefore: readonly string[];
  /**
   * The byte of the disk from which on partitions and data stay as they are; null where it is the machine's to its end, as it
   * always is in a Windows PE.
   */
  keptFrom: number | null;
}

export interface Platform {
  /** Never fails and never takes longer than limits.machineIdentificationMs: what cannot be found out is null. */
  identify(): Promise<Hardware>;
  /** Every disk that has a medium, also those that must not be overwritten. */
  listDisks(): Promise<DiskFacts[]>;
  /** The disk that a person named. Throws E_DISK_NOT_FOUND, or E_DISK_REFUSED for what is no whole disk. */
  findDisk(path: string): Promise<DiskFacts>;
  readonly fitting: Fitting;
  /** IPv4 address of the interface by which `address` (IPv4) is reached. Throws E_SITE_UNREACHABLE. */
  interfaceAddressTo(address: string): Promise<string>;
  /** Where state is kept when nobody names a folder. */
  defaultStateFolder(): string;
  /** Takes a folder that exists from all but this agent's account and administrators. Rejects with E_OUTBOX. */
  protectStateFolder(folder: string): Promise<void>;
  /** Null when another process of this machine holds `subject`. */
  hold(subject: string): Promise<Hold | null>;
  /** What `rename` made visible in `folder` is durable afterwards. */
  flushFolder(folder: string): void;
  readonly firewall: Firewall;
  readonly network: MachineNetwork;
  readonly sequenceMachine: SequenceMachine;
  /** Null on Linux. */
  readonly windows: WindowsGround | null;
  /** Asks the system to restart; resolves when it will. Rejects with E_TOOL_FAILED. */
  restart(): Promise<void>;
}

export interface PlatformOptions {
  /** The command and first arguments that start this program again, for the inventory that runs beside it. */
  selfCommand: readonly string[];
  /** Windows: the folder it is in, such as "C:\\Windows". */
  systemRoot?: string | undefined;
}
