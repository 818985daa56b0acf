/**
 * What a site does with machines that boot from the network: its properties, and the answer to each. It is there also where nothing is served; `PxeResponder` serves it.
 */
import { limits } from "../../contract/limits.ts";
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { PxeAsked, PxeProperties, PxePropertiesChange } from "../../contract/pxe.ts";
import type { ComputerIdentity } from "../devices/device-identity.ts";
import type { KnownIdentities, Recognised } from "../devices/device-index.ts";
import { Devices } from "../devices/devices.ts";
import type { PxeStoredProperties } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { Turns } from "../turns.ts";
import { NextStarts } from "./pxe-next-start.ts";
import { proofOf } from "./pxe-password.ts";
import type { PxeAnswer } from "./pxe-scripts.ts";

const initialProperties: PxeStoredProperties = {
  respond: true,
  unknown: "hold",
  delaySeconds: 0,
  promptSeconds: 15,
  uefiLoader: "signed",
  bootImage: "linux",
  interfaces: [],
  excludedMacs: [],
  ignoredMacs: [],
  ignoredUuids: [],
  password: null,
};

const local = (reason: string): PxeAnswer => ({ kind: "local", reason });

export class Pxe {
  readonly #store: Store;
  /** Every computer that the site knows, by the rules of these properties. */
  readonly devices: Devices;
  readonly #asked = new Map<string, PxeAsked>();
  readonly #nextStarts = new NextStarts(() => this.changed());
  /** Whether the media have a Windows PE. */
  hasWinpe: () => boolean = () => false;
  /** Properties are changed one after another, so that none is lost. */
  readonly #changes = new Turns();
  #properties: PxeStoredProperties;
  /** Called when what is answered to whom has changed. */
  changed: () => void = () => undefined;

  private constructor(store: Store, properties: PxeStoredProperties) {
    this.#store = store;
    this.#properties = properties;
    this.devices = new Devices(store.devices, () => this.#properties);
    this.devices.onChange = () => this.changed();
  }

  static async open(store: Store): Promise<Pxe> {
    return new Pxe(store, { ...initialProperties, ...(await store.pxe.properties()) });
  }

  get properties(): PxeProperties {
    return { ...this.#properties, password: this.#properties.password !== null };
  }
  /** With what a password is checked by; null when none is asked for. */
  get passwordProof(): PxeStoredProperties["password"] {
    return this.#properties.password;
  }
  /** The latest answer to each computer, the newest first. */
  get asked(): PxeAsked[] {
    return [...this.#asked.values()].toReversed();
  }

  /** Whose firmware is to load Windows' boot manager now. */
  get winpeNext(): KnownIdentities["refused"] {
    return this.#nextStarts.identities;
  }

  /** A computer whose boot loader cannot start a Windows PE restarts, and its firmware then loads Windows' boot manager. */
  async startWinpeNext(said: ComputerIdentity): Promise<void> {
    const index = await this.devices.index();
    const identity = index.meaningful(said);
    this.#nextStarts.note(identity, index.find(identity)?.id ?? null);
    this.changed();
  }

  /** A machine's agent enrols, or asks for its work: it is in its PE. */
  machineArrives(machine: { id: string } | { macs: readonly string[]; uuid: string | null }): void {
    if (this.#nextStarts.arrived(machine)) this.changed();
  }

  change(change: PxePropertiesChange): Promise<PxeProperties> {
    return this.#changes.take(() => this.#change(change));
  }

  async #change({ password, ...change }: PxePropertiesChange): Promise<PxeProperties> {
    const proof = password === undefined ? {} : { password: password === null ? null : proofOf(password) };
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    const properties = { ...this.#properties, ...given, ...proof };
    await this.#store.pxe.saveProperties(properties);
    this.#properties = properties;
    this.devices.changed();
    return this.properties;
  }

  /**
   * Answers machines, by identifier, as if they had been answered nothing: required deployments once more, and also one
   * whose sequence goes on from a disk that is no more. Answers how many answers are forgotten.
   */
  async clear(machines: "all" | readonly string[]): Promise<number> {
    await this.#store.pxe.noteClearing(machines);
    return await this.#store.pxe.clearAnswers(machines);
  }

  /**
   * What the boot loader of a computer is to do, which asks from that address. Anyone may ask in anyone's name: that
   * notes nothing.
   */
  async answer(said: ComputerIdentity, address: string): Promise<PxeAnswer> {
    const index = await this.devices.index();
    const identity = index.meaningful(said);
    const found = index.find(identity);
    const decided = await this.#decide(identity, found, address);
    const starts = decided.kind === "boot" || decided.kind === "prompt";
    const lacksWinpe = starts && this.#properties.bootImage === "winpe" && !this.hasWinpe();
    const answer = lacksWinpe ? local("the site has no Windows PE: volley media build --winpe") : decided;
    this.#noteAsked(said, found, answer);
    return answer;
  }

  async #decide(identity: ComputerIdentity, found: Recognised | null, address: string): Promise<PxeAnswer> {
    if (!this.#properties.respond) return local("this site does not respond to PXE now");
    const said = [identity.mac, identity.uuid].filter((one) => one !== null);
    if (identity.mac !== null && this.#properties.excludedMacs.includes(identity.mac)) {
      return local("this computer is excluded at the site");
    }
    if (found?.kind === "refused") return local("this computer was refused at the site");
    const isUnknown = found === null || found.kind === "waiting";
    const { unknown } = this.#properties;
    if (isUnknown && unknown === "ignore") return local("the site does not know this computer");
    if (isUnknown && unknown === "hold") return await this.#hold(identity, found, address);
    const isMachine = found?.kind === "machine";
    const due = isMachine
      ? await this.#store.deployments.dueFor(found.id, address)
      : await this.#store.deployments.dueForDevice(found?.device ?? null, address);
    if (due === undefined && (isMachine || said.length === 0)) {
      return local("nothing is deployed to this computer");
    }
    // It may enrol, so that there is something to deploy to: at once where it was approved by hand for that.
    const enrolling = "enrolling at the site";
    if (due === undefined && found !== null) return { kind: "boot", what: enrolling };
    if (due === undefined) return this.#prompt(enrolling);
    if (isMachine) return await this.#deploy(due, found.id);
    const what = whatOf(due);
    // One that nothing tells from others is asked; what the others take is known when they have enrolled.
    return due.purpose === "available" || said.length === 0 ? this.#prompt(what) : { kind: "boot", what };
  }

  async #deploy(due: DeploymentRecord, machineId: string): Promise<PxeAnswer> {
    const what = whatOf(due);
    const answered = await this.#store.pxe.answered(due.id, machineId);
    const work = await this.#store.pxe.work(due.id, machineId, answered ?? due.created);
    if (work?.state === "planned" || work?.state === "working") {
      // What was begun goes on where it was; after its restart the sequence goes on from the disk.
      return work.restarted ? local(`${what} goes on from the disk`) : { kind: "boot", what };
    }
    if (due.purpose === "available") return this.#prompt(what);
    const isFresh = answered !== undefined && Date.now() - Date.parse(answered) < limits.pxeAnswerGraceMs;
    if (answered === undefined || isFresh) return { kind: "boot", what };
    return local(`${what} was answered before; clear it at the site to have it again`);
  }

  #prompt(what: string): PxeAnswer {
    return { kind: "prompt", what, seconds: this.#properties.promptSeconds };
  }

  async #hold(identity: ComputerIdentity, found: Recognised | null, address: string): Promise<PxeAnswer> {
    const as = identity.uuid ?? identity.mac;
    if (as === null) return local("this computer has no number of its own by which it could be approved");
    const hasPlace = found !== null || (await this.devices.hold({ ...identity, name: as }, address));
    return hasPlace
      ? { kind: "hold", as }
      : local("too many computers wait for approval; approve, refuse or forget some at the site");
  }

  #noteAsked(said: ComputerIdentity, found: Recognised | null, answer: PxeAnswer): void {
    const key = `${said.uuid} ${said.mac}`;
    this.#asked.delete(key);
    const [oldest] = this.#asked.keys();
    if (oldest !== undefined && this.#asked.size >= limits.pxeAskedKept) this.#asked.delete(oldest);
    const reason = answer.kind === "local" ? answer.reason : answer.kind === "hold" ? answer.as : answer.what;
    this.#asked.set(key, {
      ...said,
      time: new Date().toISOString(),
      name: found === null || found.kind === "waiting" ? null : found.name,
      answer: answer.kind,
      reason: reason.slice(0, limits.machineFactsCharacters),
    });
  }
}

const whatOf = ({ name }: DeploymentRecord): string => `deployment ${name}`;
