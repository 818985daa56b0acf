/** Finds the computer that asks among those the site knows: by SMBIOS UUID first, by MAC second. */
import type { PxeComputer, PxeProperties } from "../../contract/pxe.ts";
import type { EnrolledComputer } from "../store/pxe.ts";
import type { KnownIdentities } from "./pxe-configuration.ts";
import { otherByteOrder, uuidOf, type ComputerIdentity } from "./pxe-identity.ts";

export interface Recognised {
  kind: "machine" | "approved" | "waiting" | "refused";
  id: string;
  name: string;
}
interface Entry extends Recognised {
  uuid: string | null;
  macs: string[];
}

/** Who refuses a computer means it whatever else is known of it, and so on downwards. */
const order: Recognised["kind"][] = ["refused", "machine", "approved", "waiting"];

export class ComputerIndex {
  readonly #entries: Entry[];
  readonly #byUuid = new Map<string, Entry>();
  readonly #byMac = new Map<string, Entry>();
  readonly #ignored: Set<string>;

  constructor(options: {
    /** The latest seen first. */
    enrolled: EnrolledComputer[];
    computers: PxeComputer[];
    ignoredMacs: PxeProperties["ignoredMacs"];
    ignoredUuids: PxeProperties["ignoredUuids"];
  }) {
    const { computers, enrolled, ignoredMacs, ignoredUuids } = options;
    this.#ignored = new Set([...ignoredMacs, ...ignoredUuids, ...ignoredUuids.map(otherByteOrder)]);
    const machines = enrolled.map(({ facts, id }): Entry => ({
      kind: "machine",
      id,
      name: facts.name,
      uuid: uuidOf(facts.smbiosUuid ?? ""),
      macs: facts.macAddresses,
    }));
    this.#entries = [...machines, ...computers.map(entryOf)].toSorted(
      (one, other) => order.indexOf(one.kind) - order.indexOf(other.kind),
    );
    for (const entry of this.#entries) this.#enter(entry);
  }

  /** How many wait for approval. */
  get waiting(): number {
    return this.#entries.filter(({ kind }) => kind === "waiting").length;
  }

  /** One that waits, which comes last in the order. It may be here already. */
  addWaiting(computer: PxeComputer): void {
    if (this.#entries.some(({ id }) => id === computer.id)) return;
    const entry = entryOf(computer);
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

  #said({ macs, uuid }: Entry): { macs: string[]; uuid: string[] } {
    return {
      macs: macs.filter((mac) => !this.#ignored.has(mac)),
      uuid: uuid === null || this.#ignored.has(uuid) ? [] : [uuid],
    };
  }
}

function entryOf({ id, mac, name, state, uuid }: PxeComputer): Entry {
  return { kind: state, id, name, uuid: uuidOf(uuid ?? ""), macs: mac === null ? [] : [mac] };
}
