/**
 * Who gets Windows' boot manager from the firmware itself at the next start over the network. A boot loader that was asked
 * first has taken the firmware's network drivers, and Windows' boot manager fetches by those: so it is the first that is
 * loaded, after a restart.
 */
import { limits } from "../../contract/limits.ts";
import type { KnownIdentities } from "../devices/device-index.ts";
import { otherByteOrder, uuidOf, type ComputerIdentity } from "../devices/device-identity.ts";

interface Noted extends ComputerIdentity {
  /** Of the machine or the device; null for one that the site does not know. */
  id: string | null;
  untilMs: number;
}

export class NextStarts {
  #noted: Noted[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #changed: () => void;

  /** `changed`: called when somebody's time is over. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  note({ mac, uuid }: ComputerIdentity, id: string | null): void {
    const untilMs = Date.now() + limits.pxeNextStartMs;
    const others = this.#noted.filter((one) => one.mac !== mac || one.uuid !== uuid);
    this.#noted = [...others, { mac, uuid, id, untilMs }].slice(-limits.pxeTransfers);
    this.#wait();
  }

  /** A machine is in its PE. `uuid`: in either order of its bytes. Whether that was awaited. */
  arrived(machine: { id: string } | { macs: readonly string[]; uuid: string | null }): boolean {
    const before = this.#noted.length;
    if ("id" in machine) this.#noted = this.#noted.filter(({ id }) => id !== machine.id);
    else {
      const said = uuidOf(machine.uuid ?? "");
      const uuids = said === null ? [] : [said, otherByteOrder(said)];
      this.#noted = this.#noted.filter(({ mac, uuid }) => {
        const isThis =
          (mac !== null && machine.macs.includes(mac)) || (uuid !== null && uuids.includes(uuid));
        return !isThis;
      });
    }
    return this.#noted.length < before;
  }

  /** By UUID and by MAC: a computer with several adapters may ask by another. */
  get identities(): KnownIdentities["refused"] {
    const nowMs = Date.now();
    const current = this.#noted.filter(({ untilMs }) => untilMs > nowMs);
    return {
      uuids: [...new Set(current.flatMap(({ uuid }) => uuid ?? []))],
      macs: [...new Set(current.flatMap(({ mac }) => mac ?? []))],
    };
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const [next] = this.#noted;
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        const nowMs = Date.now();
        this.#noted = this.#noted.filter(({ untilMs }) => untilMs > nowMs);
        this.#changed();
        this.#wait();
      },
      Math.max(1, next.untilMs - Date.now()),
    );
    this.#timer.unref();
  }
}
