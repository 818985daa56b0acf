/**
 * What steps need of the world beyond programs, variables and packages. Each interface is named for what it is and
 * handed in by the composition root; none is imported from where it is implemented.
 */
import type { DiskDemand } from "../imaging/choose-disk.ts";
import type { DiskFacts, Fitting } from "../platform/platform.ts";

export interface StepServices {
  disks?: Disks;
  readiness?: Readiness;
  plans?: Plans;
  imageApplier?: ImageApplier;
  diskFitting?: DiskFitting;
  ownFiles?: OwnFiles;
  stateStore?: StateStore;
  uploads?: Uploads;
  driverCatalogue?: DriverCatalogue;
  devices?: Devices;
  network?: NetworkState;
  programs?: Programs;
  recoveryKeys?: RecoveryKeys;
  agentIdentity?: AgentIdentity;
  agentFiles?: AgentFiles;
  handOver?: HandOver;
  folders?: StepFolders;
  keptState?: KeptState;
  bootStaging?: BootStaging;
}

export interface Disks {
  /** Every disk with a medium, also those that must not be overwritten, in the order the system numbers them. */
  list(): Promise<DiskFacts[]>;
}

/** Shows what will happen to a disk before it does. Rejects with E_PLAN_DECLINED when a person says no. */
export interface Plans {
  show(lines: readonly string[]): Promise<void>;
}

/** What Check Readiness looks at; null where the machine does not say. */
export interface ReadinessFacts {
  memoryMegabytes: number | null;
  processorMegahertz: number | null;
  /** Of the largest disk, or of the system volume in a full operating system. */
  freeDiskMegabytes: number | null;
  operatingSystem: "client" | "server" | null;
  architecture: "32-bit" | "64-bit" | null;
  /** Dotted numbers. */
  operatingSystemVersion: string | null;
  clientVersion: string | null;
  /** Decimal LCID. */
  operatingSystemLanguage: number | null;
  onMainsPower: boolean | null;
  networkConnected: boolean | null;
  wiredNetworkConnected: boolean | null;
  uefi: boolean | null;
  tpm: { version: string; enabled: boolean; activated: boolean } | null;
  /** As SMBIOS numbers kinds of chassis. */
  chassisType?: number | null;
}

export interface Readiness {
  facts(): Promise<ReadinessFacts>;
}

/** Writes a block image, by multicast with unicast for what is lacking, and verifies it. */
export interface ImageApplier {
  /**
   * "wim" is applied as files by the step; "block" (a volume) and "disk" (a whole one with its partition table, which
   * firmware starts) are written to the device by `writeTo`. Rejects with a VolleyError.
   */
  formatOf(packageId: string): Promise<"wim" | "block" | "disk">;
  /**
   * What a disk has to be for a "disk" or "block", and which the deployment means. `contentBytes`: of what is not zero, compressed.
   */
  diskDemand(packageId: string): Promise<DiskDemand & { contentBytes: number }>;
  /** The text says how much came by which way. The site is told before and after. */
  writeTo(
    options: ImagePlace & {
      packageId: string;
      progress(fraction: number): void;
      /** Told each place that it is about to be asked of. */
      at(location: string): void;
      signal: AbortSignal;
    },
  ): Promise<string>;
  /** Has the site told of the files of a WIM, which `apply` puts on a volume. */
  files(
    options: ImagePlace & { packageId: string; index: number },
    apply: () => Promise<void>,
  ): Promise<void>;
}

export interface ImagePlace {
  /** Partition or disk; on Windows a drive, "C:". */
  device: string;
  /** That it is on; null where the system does not say. */
  disk: DiskFacts | null;
}

/** What makes a disk with a whole Windows on it, or a volume, this machine's own. */
export type DiskFitting = Pick<Fitting, "fit" | "fitVolume">;

/** What this program itself keeps open on volumes of the machine: its log, where Configuration Manager has it. */
export interface OwnFiles {
  /** Until the next step begins: Windows gives no volume away on which a file is open. */
  close(): Promise<void>;
}

/** Where captured user state is kept at the site, one place for each machine and association. */
export interface StateStore {
  request(purpose: "capture" | "restore"): Promise<StateStorePlace>;
  release(place: string): Promise<void>;
}
export interface StateStorePlace {
  /** A folder that this machine can write to or read from now. */
  path: string;
  /** Encrypts what is put there; known to the site alone. 64 hexadecimal digits. */
  key: string;
}

/**
 * Keeps one file where no image of the run is written: in room of the disk that no image reaches, or at the site. The site
 * has its key and where it is until it was brought back, whatever becomes of the run.
 */
export interface KeptState {
  /** The folder that stands for it, as sequences name it (_SMSTSUserStatePath). */
  readonly folder: string;
  /** What is kept next is encrypted under it. 64 hexadecimal digits. */
  key(signal: AbortSignal): Promise<string>;
  /** `place` is for `fetch` and `forget`, in another system too. `text`: where it is, a phrase. */
  keep(path: string, signal: AbortSignal): Promise<{ place: string; text: string }>;
  /** As keep, of a file that stays where it is. Answers its place. */
  note(path: string, signal: AbortSignal): Promise<string>;
  /** What this machine kept last, in whatever run; null when there is nothing. */
  find(signal: AbortSignal): Promise<KeptFound | null>;
  /** Writes it to `path` and answers its key. Rejects with E_CONTENT_CORRUPT when it is not what was kept. */
  fetch(place: string, path: string, signal: AbortSignal): Promise<string>;
  /** It is back. Rejects with E_CONFLICT when a partition reaches where it was, which is left alone then. */
  forget(place: string, signal: AbortSignal): Promise<void>;
  facts(place: string): KeptFacts;
  /** Marks its room in the partition table of its disk, where that is a GPT; E_CONFLICT when a partition reaches there. */
  hold(place: string): Promise<void>;
}
export interface KeptFound {
  place: string;
  /** It was brought back since. */
  restored: boolean;
  /** It was kept by the system that runs now. */
  ownSystem: boolean;
}
export interface KeptFacts {
  bytes: number;
  /** Where it is on a disk, by that disk's identity; null where it is on none. */
  reserve: { identity: string; offset: number } | null;
}

/** A PE put on this machine's own disk, for one start. */
export interface BootStaging {
  /** It is here and checked, and this machine can start it. Nothing starts it yet. Rejects with a VolleyError. */
  prepare(options: { signal: AbortSignal; progress(fraction: number): void }): Promise<void>;
}

/** Takes a captured file to the site, where it becomes an image to deploy. */
export interface Uploads {
  image(options: {
    path: string;
    /** Of a disk, whose bytes are the image; null for a file, which says itself what it is. */
    diskBytes: number | null;
    name: string;
    description: string;
    signal: AbortSignal;
    progress(fraction: number): void;
  }): Promise<void>;
}

/** The site's drivers, each a package whose folder holds its INF files. */
export interface DriverCatalogue {
  /**
   * Those of the categories, or of any without one, with a driver for one of the devices. Without `times`, a site that is away
   * is waited for.
   */
  packages(
    categories: readonly string[],
    devices: readonly DeviceFacts[],
    times?: DriverRequestTimes,
  ): Promise<{ packageId: string; name: string; category: string }[]>;
}

/** Milliseconds; a request that takes longer in one of them is given up. */
export interface DriverRequestTimes {
  resolveMs: number;
  connectMs: number;
  sendMs: number;
  receiveMs: number;
}

/** One device of the machine, its identifiers in the order the bus gives them, most exact first. */
export interface DeviceFacts {
  name: string;
  hardwareIds: string[];
  compatibleIds: string[];
}
export interface Devices {
  list(): Promise<DeviceFacts[]>;
}

export interface AdapterFacts {
  name: string;
  macAddress: string;
  dhcp: boolean;
  /** "192.0.2.7" with its mask "255.255.255.0". */
  addresses: { address: string; mask: string }[];
  gateways: string[];
  dnsServers: string[];
  dnsDomain: string;
}
export interface NetworkState {
  adapters(): Promise<AdapterFacts[]>;
}

/** The agent's own program, to be staged into an operating system that was just applied. */
export interface AgentFiles {
  /**
   * `folder`: the executable for Windows and all it goes on with, the machine's key among it. It belongs to `place`, below the
   * Windows folder; `command` starts it from there.
   */
  windows(): Promise<{ folder: string; place: string; command: string }>;
}

/** The variable that says where the root of a system is mounted that goes on after a restart. */
export const handOverVariable = "_VolleyHandOver";

/** Going on with this run in an operating system that was just applied. */
export interface HandOver {
  /**
   * Puts the agent, what it needs to speak to its site, and a unit of systemd's that starts it into the Linux whose root
   * is at `root`. Rejects with E_TOOL_MISSING when this agent is no executable of its own.
   */
  toLinux(root: string): Promise<void>;
}

/** What the site knows of installing: packages' programs, and applications. */
export interface Programs {
  /** The command line of a package's program. Rejects with E_NOT_FOUND. */
  ofPackage(packageId: string, program: string): Promise<Program>;
  /** By name, or by MDT's GUID. Rejects with E_NOT_FOUND. */
  application(name: string): Promise<Program & { packageId: string }>;
}
export interface Program {
  commandLine: string;
  /** Exit codes that mean success; 3010 among them asks for a restart. */
  successCodes: readonly number[];
  /** Below the package's folder; empty for the folder itself. */
  workingFolder: string;
}

/** The site's keeping of BitLocker's recovery passwords. */
export interface RecoveryKeys {
  /** `id` in braces, as Windows shows it when it asks for the password. One try; the same once more changes nothing. */
  keep(key: { drive: string; id: string; password: string }): Promise<void>;
}

export interface AgentIdentity {
  /** This run goes on as the machine it is; what is on the disk and captured from it is none. */
  forgetInImage(): Promise<void>;
}

export interface StepFolders {
  /** Of this run, absolute and not inside a volume that a step formats: volumes are mounted below it. */
  work: string;
  /** Windows: where a drive's files are found when not at its root, as in tests. */
  driveRoot?(letter: string): string;
  /** Linux: where the running system's files are found when not at "/", as in tests. */
  systemRoot?: string;
}
