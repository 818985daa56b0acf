/** The hashes of all machines' keys, in memory: every request of a machine is checked against one. */
import { hashSecret, matchesHash } from "../authority/secrets.ts";
import type { MachineStore } from "../store/machines.ts";

const noMachine = hashSecret("");

export class MachineKeys {
  readonly #hashes: Map<string, string>;
  private constructor(hashes: Map<string, string>) {
    this.#hashes = hashes;
  }

  static async load(store: MachineStore): Promise<MachineKeys> {
    return new MachineKeys(new Map((await store.keys()).map((machine) => [machine.id, machine.keyHash])));
  }

  set(machineId: string, keyHash: string): void {
    this.#hashes.set(machineId, keyHash);
  }

  /** `token` is "<machineId>.<machineKey>". Answers the machine's identifier, or undefined. */
  identify(token: string): string | undefined {
    const dot = token.indexOf(".");
    if (dot < 0) return undefined;
    const machineId = token.slice(0, dot);
    // An unknown machine costs the same as a wrong key.
    const matches = matchesHash(token.slice(dot + 1), this.#hashes.get(machineId) ?? noMachine);
    return matches && this.#hashes.has(machineId) ? machineId : undefined;
  }
}
