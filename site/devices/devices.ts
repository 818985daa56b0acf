/**
 * The computers that the site knows: told of by hand, waiting for approval, refused, enrolled. Which of them one is that
 * says its numbers, whether it boots from the network or enrols.
 */
import { randomUUID } from "node:crypto";
import type { DeviceRecord, DeviceRequest, DeviceState } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { isInPe, type MachineFacts } from "../../contract/machine.ts";
import type { PxeProperties } from "../../contract/pxe.ts";
import type { DeviceStore, DeviceWish } from "../store/devices.ts";
import { Turns } from "../turns.ts";
import { uuidOf, type ComputerIdentity } from "./device-identity.ts";
import { DeviceIndex } from "./device-index.ts";
import { WaitingRate } from "./waiting-rate.ts";

/** Numbers that say nothing here, and what becomes of computers without a record. */
export type DeviceRules = Pick<PxeProperties, "ignoredMacs" | "ignoredUuids" | "unknown">;

export class Devices {
  readonly #store: DeviceStore;
  readonly #rules: () => DeviceRules;
  /** Computers are added one by one, so that none is there twice. */
  readonly #additions = new Turns();
  readonly #waitingRate = new WaitingRate();
  #index: Promise<DeviceIndex> | null = null;
  /** By machine, as far as it was asked for since something changed: machines call every second. */
  #approved = new Map<string, boolean>();
  /** Called when who is known has changed. */
  onChange: () => void = () => undefined;
  /** Called when the list has changed, also by one that waits. */
  onListChange: () => void = () => undefined;

  constructor(store: DeviceStore, rules: () => DeviceRules) {
    this.#store = store;
    this.#rules = rules;
  }

  list(): Promise<DeviceRecord[]> {
    return this.#store.list();
  }

  /** Throws E_CONFLICT when the computer is known already. */
  add(wanted: DeviceRequest): Promise<DeviceRecord> {
    return this.#additions.take(() => this.#add(wanted));
  }

  /** Which device a computer of those numbers is; null where the site knows none, or only one that waits. */
  async known(wanted: DeviceRequest): Promise<DeviceRecord | null> {
    const found = (await this.index()).find(wanted);
    return found === null || found.kind === "waiting" ? null : found.device;
  }

  /** What `add` makes of such a computer: one that has enrolled and waits stays that device. */
  async approvedAs(wanted: DeviceRequest): Promise<DeviceRecord> {
    const found = (await this.index()).find(wanted);
    if (found?.kind === "waiting" && found.device.machineId !== null) {
      return { ...found.device, state: "approved" };
    }
    const unknown = { machineId: null, facts: null, lastSeen: null };
    const added = new Date().toISOString();
    return { ...wanted, ...unknown, id: found?.device.id ?? randomUUID(), state: "approved", added };
  }

  async #add(wanted: DeviceRequest): Promise<DeviceRecord> {
    const found = (await this.index()).find(wanted);
    if (found !== null && found.kind !== "waiting") {
      throw new VolleyError("E_CONFLICT", `The site knows this computer as ${found.name}.`);
    }
    // One that has enrolled and waits stays that device.
    if (found !== null && found.device.machineId !== null) {
      return await this.setState(found.device.id, "approved");
    }
    if (found !== null) await this.#store.forget(found.device.id);
    const device = await this.#store.add(wanted, "approved");
    this.changed();
    return device;
  }

  /** Throws E_NOT_FOUND. */
  async setState(id: string, state: "approved" | "refused"): Promise<DeviceRecord> {
    const device = await this.#find(id);
    await this.#store.setState(id, state);
    this.changed();
    return { ...device, state };
  }

  /** Throws E_NOT_FOUND. */
  async remove(id: string): Promise<void> {
    await this.#find(id);
    await this.#store.forget(id);
    this.changed();
  }

  /** A machine has enrolled. In a room that starts one follows the other, and each changes its own device alone. */
  async enrolled(machineId: string): Promise<void> {
    const device = await this.#store.ofMachine(machineId);
    // What is being read meanwhile goes into the old one.
    this.#approved = new Map([...this.#approved].filter(([id]) => id !== machineId));
    const index = device === undefined ? null : (this.#index?.then((one) => one.with(device)) ?? null);
    void this.#keepIndex(index);
    this.onChange();
    this.onListChange();
  }

  /** Something else of who is known, or the rules, have changed. */
  changed(): void {
    this.#index = null;
    // What is being read meanwhile goes into the old one.
    this.#approved = new Map();
    this.onChange();
    this.onListChange();
  }

  /**
   * Which device a machine that enrols is, and what becomes of one that nobody has approved: with a credential that was
   * handed to it it is approved by that, else as unknown computers are. And which enrolled machine it is, if one, by its
   * numbers: a PE has no name of its own, so names count between two installed systems alone. Throws E_FORBIDDEN for one
   * that was refused.
   */
  async recognise(facts: MachineFacts, approves: boolean): Promise<DeviceWish & { state: DeviceState }> {
    const index = await this.index();
    const uuid = uuidOf(facts.smbiosUuid ?? "");
    const numbers = [{ uuid, mac: null }, ...facts.macAddresses.map((mac) => ({ uuid: null, mac }))];
    const found = numbers.map((one) => index.find(one)).find((one) => one !== null);
    if (found?.kind === "refused") {
      throw new VolleyError("E_FORBIDDEN", `This computer was refused at the site, as ${found.name}.`);
    }
    // Also under another name than before, as a PE and what it installed have.
    const isKnown = found?.kind === "machine" || found?.kind === "approved";
    const isApproved = approves || isKnown || this.#rules().unknown === "answer";
    const state = isApproved ? "approved" : "waiting";
    const machine = index.machineOf(facts);
    const isSame =
      machine !== null &&
      machine.facts !== null &&
      (isInPe(facts) || isInPe(machine.facts)) &&
      (approves || machine.state === "approved");
    return {
      state,
      ...(found !== undefined && { deviceId: found.device.id }),
      ...(isSame && machine?.machineId && { machineId: machine.machineId }),
    };
  }

  /** Whether the machine's device is approved: one that waits or was refused is given nothing. */
  async isApproved(machineId: string): Promise<boolean> {
    const approved = this.#approved;
    const known = approved.get(machineId) ?? (await this.#store.ofMachine(machineId))?.state === "approved";
    approved.set(machineId, known);
    return known;
  }

  /**
   * Puts an unknown computer that asks from that address among those that wait for approval. False: there is no place.
   * Where only the address has to wait, the computer asks again.
   */
  hold(identity: ComputerIdentity & { name: string }, address: string): Promise<boolean> {
    return this.#additions.take(() => this.#hold(identity, address));
  }

  async #hold(wanted: DeviceRequest, address: string): Promise<boolean> {
    const index = await this.index();
    // It may have asked twice at once.
    if (index.find(wanted) !== null) return true;
    if (index.waiting >= limits.pxeWaitingMost) return false;
    if (!this.#waitingRate.admits(address, Date.now())) return true;
    const device = await this.#store.add(wanted, "waiting");
    // Who is recognised or refused has not changed. What is known may have been read anew in the meantime.
    (await this.index()).addWaiting(device);
    this.onListChange();
    return true;
  }

  async #find(id: string): Promise<DeviceRecord> {
    const device = await this.#store.find(id);
    if (!device) throw new VolleyError("E_NOT_FOUND", `There is no computer ${id}.`);
    return device;
  }

  /** As of the last change. */
  async index(): Promise<DeviceIndex> {
    return await (this.#index ?? this.#keepIndex(this.#load()));
  }

  #keepIndex<Index extends Promise<DeviceIndex> | null>(index: Index): Index {
    this.#index = index;
    // What failed once is tried again.
    index?.catch(() => {
      if (this.#index === index) this.#index = null;
    });
    return index;
  }

  async #load(): Promise<DeviceIndex> {
    return new DeviceIndex({ devices: await this.#store.list(), ...this.#rules() });
  }
}
