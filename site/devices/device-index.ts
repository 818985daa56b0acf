/** Finds the computer that asks among those the site knows: by SMBIOS UUID first, by MAC second. */
import type { DeviceRecord } from "../../contract/devices.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { PxeProperties } from "../../contract/pxe.ts";
import { otherByteOrder, uuidOf, type ComputerIdentity } from "./device-identity.ts";

/** Of the computers that are told apart before they have said more than a DHCP request. */
export interface KnownIdentities {
  /** Answered also where unknown ones are not. */
  recognised: { macs: readonly string[]; uuids: readonly string[] };
  refused: { macs: readonly string[]; uuids: readonly string[] };
}

export interface Recognised {
  kind: "machine" | "approved" | "waiting" | "refused";
  /** Of a machine its own, else the device's. */
  id: string;
  name: string;
  device: DeviceRecord;
}
interface Entry extends Recognised {
  uuids: string[];
  macs: string[];
}

/** Who refuses a computer means it whatever else is known of it, and so on downwards. */
const order: Recognised["kind"][] = ["refused", "machine", "approved", "waiting"];

/** Of machines that say the same the one that was seen last counts. Times compare as text. */
function inOrder(one: Entry, other: Entry): number {
  if (one.kind !== other.kind) return order.indexOf(one.kind) - order.indexOf(other.kind);
  const [its, others] = [one.device.lastSeen ?? "", other.device.lastSeen ?? ""];
  return its === others ? 0 : its < others ? 1 : -1;
}

export interface DeviceIndexOptions {
  devices: readonly DeviceRecord[];
  ignoredMacs: PxeProperties["ignoredMacs"];
  ignoredUuids: PxeProperties["ignoredUuids"];
}

export class DeviceIndex {
  readonly #options: DeviceIndexOptions;
  readonly #entries: Entry[];
  readonly #byUuid = new Map<string, Entry>();
  readonly #byMac = new Map<string, Entry>();
  readonly #ignored: Set<string>;

  constructor(options: DeviceIndexOptions, entries: readonly Entry[] = options.devices.map(entryOf)) {
    this.#options = options;
    const { ignoredMacs, ignoredUuids } = options;
    this.#ignored = new Set([...ignoredMacs, ...ignoredUuids, ...ignoredUuids.map(otherByteOrder)]);
    this.#entries = entries.toSorted(inOrder);
    for (const entry of this.#entries) this.#enter(entry);
  }

  /** Another, in which a device is as it is now. */
  with(device: DeviceRecord): DeviceIndex {
    const others = this.#entries.filter((entry) => entry.device.id !== device.id);
    return new DeviceIndex(this.#options, [...others, entryOf(device)]);
  }

  /** How many wait for approval. */
  get waiting(): number {
    return this.#entries.filter(({ kind }) => kind === "waiting").length;
  }

  /** One that waits, which comes last in the order. It may be here already. */
  addWaiting(device: DeviceRecord): void {
    if (this.#entries.some(({ id }) => id === device.id)) return;
    const entry = entryOf(device);
    this.#entries.push(entry);
    this.#enter(entry);
  }

  /** Without what says nothing about the computer. */
  meaningful({ mac, uuid }: ComputerIdentity): ComputerIdentity {
    const kept = (value: string | null): string | null =>
      value === null || this.#ignored.has(value) ? null : value;
    return { uuid: kept(uuid), mac: kept(mac) };
  }

  find(said: ComputerIdentity): Recognised | null {
    const { mac, uuid } = this.meaningful(said);
    const byUuid =
      uuid === null ? undefined : (this.#byUuid.get(uuid) ?? this.#byUuid.get(otherByteOrder(uuid)));
    return byUuid ?? (mac === null ? undefined : this.#byMac.get(mac)) ?? null;
  }

  /**
   * The enrolled device that is the computer of those facts, going by its numbers: exactly one shares one that is
   * meaningful and contradicts none. Of two boards that say the same UUID, or two that have had one USB adapter, neither
   * is the other.
   */
  machineOf({ macAddresses, smbiosUuid }: MachineFacts): DeviceRecord | null {
    const said = this.#said({ uuids: bothOrders(uuidOf(smbiosUuid ?? "")), macs: macAddresses });
    const shares = ({ macs, uuids }: Entry): boolean =>
      macs.some((mac) => said.macs.includes(mac)) || uuids.some((uuid) => said.uuid.includes(uuid));
    const same = this.#entries.filter(shares).filter((entry) => {
      const its = this.#said(entry);
      const [byUuid, byMac] = [compare(said.uuid, its.uuid), compare(said.macs, its.macs)];
      return (byUuid === "same" || byMac === "same") && byUuid !== "other" && byMac !== "other";
    });
    const machines = same.filter(({ device }) => device.machineId !== null);
    return machines.length === 1 ? (machines[0]?.device ?? null) : null;
  }

  known(): KnownIdentities {
    const of = (kinds: Recognised["kind"][]): KnownIdentities["refused"] => {
      const entries = this.#entries.filter(({ kind }) => kinds.includes(kind)).map((one) => this.#said(one));
      return {
        uuids: [...new Set(entries.flatMap(({ uuid }) => uuid))],
        macs: [...new Set(entries.flatMap(({ macs }) => macs))],
      };
    };
    return { recognised: of(["machine", "approved"]), refused: of(["refused"]) };
  }

  #enter(entry: Entry): void {
    const { macs, uuid } = this.#said(entry);
    for (const one of uuid) if (!this.#byUuid.has(one)) this.#byUuid.set(one, entry);
    for (const mac of macs) if (!this.#byMac.has(mac)) this.#byMac.set(mac, entry);
  }

  #said({ macs, uuids }: Pick<Entry, "macs" | "uuids">): { macs: string[]; uuid: string[] } {
    return {
      macs: macs.filter((mac) => !this.#ignored.has(mac)),
      uuid: uuids.filter((uuid) => !this.#ignored.has(uuid)),
    };
  }
}

const bothOrders = (uuid: string | null): string[] => (uuid === null ? [] : [uuid, otherByteOrder(uuid)]);

/** Null: one of them says nothing. */
function compare(one: readonly string[], other: readonly string[]): "same" | "other" | null {
  if (one.length === 0 || other.length === 0) return null;
  return one.some((number) => other.includes(number)) ? "same" : "other";
}

function entryOf(device: DeviceRecord): Entry {
  const { facts, id, mac, machineId, name, state, uuid } = device;
  const said = [uuidOf(uuid ?? ""), uuidOf(facts?.smbiosUuid ?? "")].filter((one) => one !== null);
  const macs = [...(mac === null ? [] : [mac]), ...(facts?.macAddresses ?? [])];
  const numbers = { uuids: [...new Set(said)], macs: [...new Set(macs)] };
  if (state === "approved" && machineId !== null) {
    return { kind: "machine", id: machineId, name: facts?.name ?? name, device, ...numbers };
  }
  return { kind: state, id, name, device, ...numbers };
}
