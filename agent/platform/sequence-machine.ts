/** What a running task sequence asks of the machine beyond what a deployment does. */

export type WmiFact = string | number | boolean | null | readonly (string | number)[];
/** Null: nothing is there. What is not in it was not looked for. */
export type WmiFacts = Record<string, WmiFact>;

export interface RegistryFact {
  /** "REG_SZ", "REG_DWORD", … */
  type: string;
  /** Numbers in decimal, several texts with "\n" between them, bytes as upper-case hex. */
  data: string;
}

export interface MachineRegistry {
  /** By name in lower case, "" for the default value; null when there is no such key. Rejects with E_CONDITION. */
  values(key: string): Promise<Map<string, RegistryFact> | null>;
}

export interface DeviceRow {
  name: string;
  /** Most exact first. */
  hardwareIds: string[];
  compatibleIds: string[];
}
export interface AdapterRow {
  name: string;
  macAddress: string;
  dhcp: boolean;
  addresses: { address: string; mask: string }[];
  gateways: string[];
  dnsServers: string[];
  dnsDomain: string;
}

/** "disk": one that stays in the machine. */
export type StartPlace = "network" | "stick" | "disc" | "disk";

export interface SequenceMachine {
  /** Instances of a class of WMI, or of what stands for it; null of a class that is not looked for. */
  wmiRows(className: string): Promise<WmiFacts[] | null>;
  /**
   * Whether the system's own WMI has an instance that a query asks for; null where there is no such thing, or it does not
   * understand the query.
   */
  askWmi?(namespace: string, query: string): Promise<boolean | null>;
  /** Of IPv4. */
  gateways(): string[];
  /** What a PE was read from; null where nothing says so. */
  startedFrom(): Promise<StartPlace | null>;
  /** Windows' own name of the time zone, "Eastern Standard Time"; null where the system has no such names. */
  timeZoneName?(): Promise<string | null>;
  secureBoot(): "NA" | "Enabled" | "Disabled";
  /** The registry that conditions mean; `windowsFolder` is where an installed Windows is found, null without one. */
  registry(windowsFolder: () => Promise<string | null>): MachineRegistry;
  /** Ends what was started below `root` and what carries `mark`; answers how many could not be ended. */
  endProcessTree(root: number | null, mark: string): Promise<number>;
  /** Where the system itself lists devices with their identifiers, and adapters with their settings. */
  readonly devices?: { list(): Promise<DeviceRow[]> };
  readonly networkState?: { adapters(): Promise<AdapterRow[]> };
  /** Where the files of a drive letter are, on a system that has drive letters; null on another. */
  driveFolder(letter: string): string | null;
  /** Of the socket or pipe by which programs of steps ask for variables; `folder` is the run's own. */
  socketPath(folder: string): string;
  /** Mounts a volume's device at a folder, which is made, so that nothing on it changes. False when it cannot be. */
  mountToRead(device: string, folder: string): Promise<boolean>;
  /** Takes down what is mounted below a folder, durably; answers what could not be taken down. */
  releaseVolumes(folder: string): Promise<string[]>;
}
